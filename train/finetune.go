package train

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"eomt/arch"
	"eomt/internal/spelling"
)

// FineTuneConfig says which parameters are trained, and at which rates relative to the
// recipe, with its keys of the section train.
type FineTuneConfig struct {
	Freeze      []string           `yaml:"freeze,omitempty,flow" doc:"What keeps its value: embedding (tokens, patch and position embedding), blocks such as blocks 0-7, or prefixes of parameter names up to a dot, such as backbone or mask_head." default:"nothing"`
	Multipliers map[string]float64 `yaml:"multipliers,omitempty,flow" doc:"Factors on the learning rate by prefix of parameter names up to a dot, beside layer_decay; the longest prefix counts: {backbone: 0.1, backbone.norm: 1}." range:"(0, inf)" default:"none"`
	LoRA        LoRAConfig         `yaml:"lora,omitempty"`
}

// freezeEmbedding is the name of all that precedes the blocks in [FineTuneConfig].Freeze.
const freezeEmbedding = "embedding"

// blockRange is how Freeze names blocks, both ends included.
var blockRange = regexp.MustCompile(`^blocks? (\d+)(?:-(\d+))?$`)

// Groups returns the recipe's groups ([Groups]) as c changes them. It fails if a name
// or prefix fits no parameter; the error names the key of the section train.
func (c FineTuneConfig) Groups(a arch.Architecture, o OptimizerConfig) ([]Group, error) {
	groups, parameters := Groups(a, o), a.Parameters()
	for _, name := range c.Freeze {
		chosen, err := selection(a, name)
		if err != nil {
			return nil, fmt.Errorf("train.freeze: %w", err)
		}
		found := false
		for i, p := range parameters {
			if chosen(p) {
				groups[i].Frozen, found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("train.freeze: %w", noParameter(name, parameters, freezeEmbedding))
		}
	}
	return groups, c.multiply(groups, parameters)
}

// selection is what a name in Freeze stands for.
func selection(a arch.Architecture, name string) (func(arch.Parameter) bool, error) {
	if name == freezeEmbedding {
		return func(p arch.Parameter) bool { return p.Part == arch.PartEmbedding }, nil
	}
	ends := blockRange.FindStringSubmatch(name)
	if ends == nil {
		return func(p arch.Parameter) bool { return hasPrefix(p.Name, name) }, nil
	}
	first, err := strconv.Atoi(ends[1])
	last := first
	if err == nil && ends[2] != "" {
		last, err = strconv.Atoi(ends[2])
	}
	if err != nil || first > last || last >= a.Blocks {
		return nil, fmt.Errorf("%q: the network has blocks 0-%d", name, a.Blocks-1)
	}
	return func(p arch.Parameter) bool { return p.Part == arch.PartBlock && first <= p.Block && p.Block <= last }, nil
}

// multiply applies Multipliers, shorter prefixes first.
func (c FineTuneConfig) multiply(groups []Group, parameters []arch.Parameter) error {
	factors := make([]float64, len(groups))
	prefixes := slices.SortedFunc(maps.Keys(c.Multipliers), func(a, b string) int {
		return len(strings.TrimSuffix(a, ".")) - len(strings.TrimSuffix(b, "."))
	})
	for _, prefix := range prefixes {
		found := false
		for i, p := range parameters {
			if hasPrefix(p.Name, prefix) {
				factors[i], found = c.Multipliers[prefix], true
			}
		}
		if !found {
			return fmt.Errorf("train.multipliers: %w", noParameter(prefix, parameters))
		}
	}
	for i, factor := range factors {
		if factor != 0 {
			groups[i].Multiplier *= factor
		}
	}
	return nil
}

// hasPrefix reports whether a parameter's name begins with a prefix that ends at a dot:
// "blocks.1" is no prefix of "blocks.10.norm1.bias".
func hasPrefix(name, prefix string) bool {
	prefix = strings.TrimSuffix(prefix, ".")
	rest, ok := strings.CutPrefix(name, prefix)
	return ok && prefix != "" && (rest == "" || rest[0] == '.')
}

// noParameter says that a name stands for no parameter, and which names are near it.
func noParameter(name string, parameters []arch.Parameter, others ...string) error {
	known := slices.Clone(others)
	for _, p := range parameters {
		for i, letter := range p.Name {
			if letter == '.' && !slices.Contains(known, p.Name[:i]) {
				known = append(known, p.Name[:i])
			}
		}
		known = append(known, p.Name)
	}
	return fmt.Errorf("no parameter's name begins with %q up to a dot; the nearest names are %s (-print-params lists all)",
		name, strings.Join(spelling.Nearest(strings.TrimSuffix(name, "."), known, 3), ", "))
}
