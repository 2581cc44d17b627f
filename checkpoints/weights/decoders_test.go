package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
	"eomt/internal/backend/backendtest"
	"eomt/internal/parity"
	"eomt/model"
)

func mask2formerFolder() string {
	return filepath.Join(parity.Folder("checkpoints/weights"), "hf-mask2former")
}

// decodersGolden is what scripts/goldens/mask2former.py wrote beside the folder.
func decodersGolden(t *testing.T) (arch.Architecture, map[string]tensor.Tensor) {
	t.Helper()
	file, err := safetensors.Open(filepath.Join(mask2formerFolder(), "network.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	var a arch.Architecture
	if err := json.Unmarshal([]byte(file.Metadata["architecture"]), &a); err != nil {
		t.Fatal(err)
	}
	return a, tensor.ByName(file.Tensors)
}

func openDecoders(t *testing.T) *Decoders {
	t.Helper()
	d, err := OpenDecoders(mask2formerFolder())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// decodersTolerance is of the largest value, in float64: both sides add up some hundred
// products in different orders, layer after layer.
const decodersTolerance = 1e-10

// With the decoders of a Mask2Former of transformers, the network predicts what
// transformers' modules do on the same ViT.
func TestDecodersMatchReference(t *testing.T) {
	a, golden := decodersGolden(t)
	fitted, loading, err := openDecoders(t).Fit(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(loading.Fresh) != len(mapNames) {
		t.Errorf("new are %v", loading.Fresh)
	}
	read := tensor.ByName(fitted)
	var inputs []tensor.Tensor
	for _, want := range a.Tensors() {
		one, ok := read[want.Name]
		if !ok {
			one = golden["parameter/"+want.Name]
		}
		inputs = append(inputs, one)
	}
	inputs = append(inputs, golden["pixels"])
	network, err := model.New(a)
	if err != nil {
		t.Fatal(err)
	}
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		if b != backendtest.Go(t) && !parity.Fresh() {
			t.Skip("XLA takes seconds to compile the whole in float64: make parity runs it")
		}
		var args []any
		for _, one := range inputs {
			args = append(args, float64s(t, one))
		}
		results := MustExecOnceN(b, func(in []*Node) (out []*Node) {
			p := network.Forward(model.Bind(a, in), TransposeAllAxes(in[len(in)-1], 0, 2, 3, 1), model.Options{Training: true})
			for k, m := range p.Masks {
				out = append(out, TransposeAllAxes(m.LogitsBhwQ(), 0, 3, 1, 2), p.ClassLogitsBQC[k])
			}
			return out
		}, args...)
		row := parity.Row{Component: "decoders read from a Mask2Former of transformers, float64", Against: "transformers' Mask2Former on a plain ViT",
			Unit: "of the largest value", Tolerance: decodersTolerance}
		for i, got := range results {
			name := fmt.Sprintf("%s.%d", []string{"mask_logits", "class_logits"}[i%2], i/2)
			want, largest, scale := tensors.MustCopyFlatData[float64](float64s(t, golden[name])), 0.0, 0.0
			for k, v := range tensors.MustCopyFlatData[float64](got) {
				largest, scale = max(largest, math.Abs(v-want[k])), max(scale, math.Abs(want[k]))
			}
			row.Add(largest, scale)
			if !(largest <= decodersTolerance*scale) {
				t.Errorf("%s differs by %.2g of %.2g", name, largest, scale)
			}
		}
		row.Report(t)
	})
}

func float64s(t *testing.T, one tensor.Tensor) *tensors.Tensor {
	t.Helper()
	if one.Shape == nil {
		t.Fatal("a tensor is in neither file")
	}
	values, err := one.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	return tensors.FromFlatDataAndDimensions(values, one.Shape...)
}

// What is taken and what is new depends on the network's width and classes.
func TestDecodersFit(t *testing.T) {
	a, _ := decodersGolden(t)
	d := openDecoders(t)
	if d.Backbone == 0 || d.Classes != 4 || !slices.Equal(d.Labels, []string{"disc", "square", "sky", "ground"}) {
		t.Errorf("%d tensors of the backbone, %d classes, %v", d.Backbone, d.Classes, d.Labels)
	}
	adapter := a
	adapter.Network, adapter.Blocks = arch.ViTAdapterMask2Former, 4
	fresh := func(a arch.Architecture, allowNew ...string) int {
		_, loading, err := d.Fit(a, allowNew)
		if err != nil {
			t.Error(err)
		}
		return len(loading.Fresh)
	}
	other := a
	other.Classes = 9
	queries := a
	queries.Queries = 5
	for _, c := range []struct{ got, want int }{
		{fresh(a), 7}, {fresh(adapter), 7}, {fresh(other), 9}, {fresh(a, "class_head."), 9}, {fresh(queries, "decoder.queries."), 9},
	} {
		if c.got != c.want {
			t.Errorf("%d new, want %d", c.got, c.want)
		}
	}
	// Maps of one width for all: nothing is new.
	for i, one := range d.Tensors {
		if slices.Contains(mapWeights[:], one.Name) {
			d.Tensors[i] = tensor.FromFloat32s(one.Name, []int{32, 8, 1, 1}, make([]float32, 32*8))
		}
	}
	d.Widths = [4]int{8, 8, 8, 8}
	if n := fresh(a); n != 0 || d.NewProjections(a) {
		t.Errorf("%d new", n)
	}
}

func TestDecodersThatDoNotFit(t *testing.T) {
	a, _ := decodersGolden(t)
	d := openDecoders(t)
	for want, change := range map[string]func(*arch.Architecture){
		"network vit_decoder has no pixel decoder: vit_mask2former and vit_adapter_mask2former have one": func(a *arch.Architecture) {
			a.Network = arch.MultiScaleDecoder
		},
		"decoder_layers is 2 in the weights and 3 in the network":                                    func(a *arch.Architecture) { a.DecoderLayers = 3 },
		"decoder_width is 32 in the weights and 64 in the network":                                   func(a *arch.Architecture) { a.DecoderWidth = 64 },
		"decoder_heads is 4 in the weights and 8 in the network (set model.decoder_heads=4)":         func(a *arch.Architecture) { a.DecoderHeads = 8 },
		"encoder_layers is 1 in the weights and 6 in the network":                                    func(a *arch.Architecture) { a.EncoderLayers = 6 },
		"queries is 3 in the weights and 5 in the network (set model.queries=3, or new_parameters: ": func(a *arch.Architecture) { a.Queries = 5 },
	} {
		b := a
		change(&b)
		_, _, err := d.Fit(b, nil)
		wantError(t, err, mask2formerFolder(), want)
	}
}

func TestOpenDecodersRefuses(t *testing.T) {
	refused := func(path string, texts ...string) {
		t.Helper()
		d, err := OpenDecoders(path)
		if err == nil {
			d.Close()
		}
		wantError(t, err, append(texts, path)...)
	}
	const want = "want a Mask2FormerForUniversalSegmentation of transformers"
	refused("testdata/hf-eomt", "the weights are of format hf-eomt: "+want)
	refused(t.TempDir(), "no weights there")
	unknown := filepath.Join(t.TempDir(), "x.safetensors")
	file, err := os.Create(unknown)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(safetensors.Write(file, []tensor.Tensor{tensor.FromFloat32s("x", []int{1}, []float32{1})}, nil), file.Close()); err != nil {
		t.Fatal(err)
	}
	refused(unknown, "belong to no known format", want)
	for field, c := range map[string][2]string{
		"pre_norm":            {"true", "pre_norm true is not supported"},
		"activation_function": {`"gelu"`, `activation_function "gelu" is not supported, want relu`},
		"num_attention_heads": {"8", "config.json says num_attention_heads 8, the tensors have 4"},
	} {
		dir := copyFolder(t, mask2formerFolder())
		edit(t, filepath.Join(dir, configName), field, c[0])
		refused(dir, c[1])
	}
	_, err = Open(mask2formerFolder())
	wantError(t, err, "a Mask2Former of transformers is no network of this project: decoder_weights reads its decoders into vit_mask2former and vit_adapter_mask2former")
}

// Every tensor that is removed, renamed, reshaped or doubled is an error, but the
// backbone's, buffers', and what makes other decoders or classes.
func TestNoTensorOfDecodersPassesSilently(t *testing.T) {
	a, _ := decodersGolden(t)
	s, err := openSource(mask2formerFolder())
	if err != nil {
		t.Fatal(err)
	}
	defer s.files.Close()
	for i, one := range s.tensors {
		if strings.HasPrefix(one.Name, "model.pixel_level_module.encoder.") || one.Name == "criterion.empty_weight" {
			continue
		}
		for change, tensors := range changes(s.tensors, i) {
			projects := strings.Contains(one.Name, "input_projections.") && strings.Contains(one.Name, ".0.") || strings.HasPrefix(one.Name, "class_predictor")
			if projects && change != "renamed" && change != "doubled" {
				continue // new in this network
			}
			d := &Decoders{}
			err := d.read(&source{tensors: tensors, files: closers{}, folder: s.folder})
			if err == nil {
				_, _, err = d.Fit(a, nil)
			}
			var mismatch *checkpoints.MismatchError
			if err == nil && !strings.Contains(one.Name, "adapter_1.0") {
				t.Errorf("%s %s and still read", one.Name, change)
			} else if errors.As(err, &mismatch) && mismatch.Error() == "" {
				t.Errorf("%s %s: no reason", one.Name, change)
			}
		}
	}
}

// FuzzDecoders makes up names, types and shapes, one tensor a line, and a configuration.
func FuzzDecoders(f *testing.F) {
	s, err := openSource(mask2formerFolder())
	if err != nil {
		f.Fatal(err)
	}
	defer s.files.Close()
	var lines strings.Builder
	for _, one := range s.tensors {
		fmt.Fprintln(&lines, one.Name, one.DType, strings.Trim(fmt.Sprint(one.Shape), "[]"))
	}
	f.Add(lines.String())
	f.Fuzz(func(t *testing.T, lines string) {
		s := &source{files: closers{}, folder: t.TempDir()}
		for line := range strings.Lines(lines) {
			if one, ok := zeroTensor(strings.Fields(line)); ok {
				s.tensors = append(s.tensors, one)
			}
		}
		d := &Decoders{}
		if d.read(s) != nil {
			return
		}
		a := d.architecture(arch.Architecture{Network: arch.ViTMask2Former, Width: 8})
		_, _, _ = d.Fit(a, nil)
	})
}
