package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"eomt/arch"
)

// hfConfig is what a config.json of transformers says about the architecture;
// nil if it is silent.
type hfConfig struct {
	ModelType      string            `json:"model_type"`
	HiddenSize     *int              `json:"hidden_size"`
	Layers         *int              `json:"num_hidden_layers"`
	Heads          *int              `json:"num_attention_heads"`
	Hidden         *int              `json:"intermediate_size"`
	HiddenAct      *string           `json:"hidden_act"`
	NormEps        *float64          `json:"layer_norm_eps"`
	ImageSize      *int              `json:"image_size"`
	PatchSize      *int              `json:"patch_size"`
	MaskBlocks     *int              `json:"num_blocks"`
	Queries        *int              `json:"num_queries"`
	Registers      *int              `json:"num_register_tokens"`
	Upscales       *int              `json:"num_upscale_blocks"`
	SwiGLU         *bool             `json:"use_swiglu_ffn"`
	GatedMLP       *bool             `json:"use_gated_mlp"`
	RopeTheta      *float64          `json:"rope_theta"`
	RopeParameters *ropeParameters   `json:"rope_parameters"`
	PreNorm        bool              `json:"pre_norm"`
	Activation     string            `json:"activation_function"`
	Labels         map[string]string `json:"id2label"`
	Segmentation   *segmentation     `json:"segmentation"`
}

type ropeParameters struct {
	Theta *float64 `json:"rope_theta"`
	Type  string   `json:"rope_type"`
}

// readConfig decodes folder/config.json, nil if there is none.
func readConfig(folder string) (*hfConfig, error) {
	path := filepath.Join(folder, configName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	config := &hfConfig{}
	if err := json.Unmarshal(text, config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return config, nil
}

// complete fills in what only the configuration states and fails if the two
// contradict each other.
func (c *hfConfig) complete(a arch.Architecture) (arch.Architecture, error) {
	for _, field := range []struct {
		name string
		says *int
		have int
	}{
		{"hidden_size", c.HiddenSize, a.Width},
		{"num_hidden_layers", c.Layers, a.Blocks},
		{"intermediate_size", c.Hidden, a.Hidden},
		{"patch_size", c.PatchSize, a.Patch},
		{"num_register_tokens", c.Registers, a.Registers},
		{"num_queries", c.Queries, a.Queries},
		{"num_upscale_blocks", c.Upscales, a.Upscales},
	} {
		if field.says != nil && *field.says != field.have {
			return a, fmt.Errorf("%s says %s %d, the tensors have %d", configName, field.name, *field.says, field.have)
		}
	}
	for _, gated := range []*bool{c.SwiGLU, c.GatedMLP} {
		if gated != nil && *gated != a.SwiGLU {
			return a, fmt.Errorf("%s says gated MLP %t, the tensors have %t", configName, *gated, a.SwiGLU)
		}
	}
	if err := c.checkActivation(a); err != nil {
		return a, err
	}
	a.HeadSiLU = !a.BackboneOnly() && c.HiddenAct != nil && *c.HiddenAct == "silu"
	set(&a.Heads, c.Heads)
	set(&a.NormEps, c.NormEps)
	set(&a.MaskBlocks, c.MaskBlocks)
	if c.ImageSize != nil {
		side := *c.ImageSize / a.Patch
		if a.Kind == arch.DINOv2 && a.Grid != [2]int{} && a.Grid != [2]int{side, side} {
			return a, fmt.Errorf("%s says image_size %d, so %d x %d patches; the position embedding has %d x %d",
				configName, *c.ImageSize, side, side, a.Grid[0], a.Grid[1])
		}
		a.Grid = [2]int{side, side}
	}
	if a.Kind == arch.DINOv3 {
		set(&a.RopeTheta, c.RopeTheta)
		if c.RopeParameters != nil {
			set(&a.RopeTheta, c.RopeParameters.Theta)
			if t := c.RopeParameters.Type; t != "" && t != "default" {
				return a, fmt.Errorf("%s: rope_type %q is not supported, want default", configName, t)
			}
		}
	}
	if err := a.CheckRead(); err != nil {
		return a, fmt.Errorf("%s: %w", configName, err)
	}
	return a, nil
}

// checkActivation compares hidden_act with what can be computed: exact GELU in the
// MLP, or SiLU where it is gated. DINOv2's gated MLP has SiLU whatever the field
// says; mask head and ScaleBlocks of an EoMT have what it says.
func (c *hfConfig) checkActivation(a arch.Architecture) error {
	allowed := []string{"gelu"}
	switch {
	case a.SwiGLU && a.Kind == arch.DINOv3:
		allowed = []string{"silu"}
	case a.SwiGLU && a.BackboneOnly():
		return nil
	case a.SwiGLU:
		allowed = []string{"gelu", "silu"}
	}
	says := "gelu" // the default of every kind
	if c.HiddenAct != nil {
		says = *c.HiddenAct
	}
	if slices.Contains(allowed, says) {
		return nil
	}
	return fmt.Errorf("%s: hidden_act %q is not supported for this MLP, want %s", configName, says, strings.Join(allowed, " or "))
}

// labels is id2label as a list, nil if ids are not 0 to n-1.
func (c *hfConfig) labels(n int) []string {
	if len(c.Labels) != n {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		label, ok := c.Labels[strconv.Itoa(i)]
		if !ok {
			return nil
		}
		list[i] = label
	}
	return list
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
