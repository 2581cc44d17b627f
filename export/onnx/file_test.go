package onnx_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"

	"eomt/arch"
	"eomt/checkpoints/tensor"
	"eomt/export/onnx"
)

func read(t *testing.T, path string) *protos.ModelProto {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := &protos.ModelProto{}
	if err := proto.Unmarshal(raw, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func exported(t *testing.T, n onnx.Network, o onnx.Options) *protos.ModelProto {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := onnx.Write(path, n, o); err != nil {
		t.Fatal(err)
	}
	return read(t, path)
}

// operators counts the nodes of each operator, and fails on a node whose name is not
// its output's or that reads what no node before it makes.
func operators(t *testing.T, m *protos.ModelProto) map[string]int {
	t.Helper()
	known, count := map[string]bool{onnx.PixelValues: true, "": true}, map[string]int{}
	for _, i := range m.Graph.Initializer {
		if known[i.Name] {
			t.Errorf("initialiser %s twice", i.Name)
		}
		known[i.Name] = true
	}
	for _, n := range m.Graph.Node {
		count[n.OpType]++
		for _, input := range n.Input {
			if !known[input] {
				t.Errorf("node %s reads %s before it is there", n.Name, input)
			}
		}
		if n.Output[0] != n.Name && n.Output[0] != n.Name+".0" {
			t.Errorf("node %s makes %s", n.Name, n.Output[0])
		}
		for _, output := range n.Output {
			if known[output] {
				t.Errorf("%s twice", output)
			}
			known[output] = true
		}
	}
	return count
}

func TestOperators(t *testing.T) {
	n := network(tiny(arch.DINOv2))
	for _, test := range []struct {
		o         onnx.Options
		ir, opset int64
		has, none []string
	}{
		{onnx.Options{}, 9, 20, []string{"Gelu", "LayerNormalization", "ConvTranspose", "Softmax"}, []string{"Erf", "Cast", "MultiHeadAttention", "Where"}},
		{onnx.Options{Opset: 17}, 8, 17, []string{"Erf", "LayerNormalization", "ConvTranspose"}, []string{"Gelu"}},
		{onnx.Options{Input: onnx.Uint8}, 9, 20, []string{"Cast"}, nil},
		{onnx.Options{For: onnx.OnnxRuntime}, 9, 20, []string{"MultiHeadAttention"}, []string{"Softmax"}},
		{onnx.Options{For: onnx.OnnxRuntime, Precision: onnx.F16}, 9, 20, []string{"Softmax", "Cast"}, []string{"MultiHeadAttention"}},
	} {
		m := exported(t, n, test.o)
		count := operators(t, m)
		for _, op := range test.has {
			if count[op] == 0 {
				t.Errorf("%+v: no %s", test.o, op)
			}
		}
		for _, op := range test.none {
			if count[op] > 0 {
				t.Errorf("%+v: %d %s", test.o, count[op], op)
			}
		}
		if m.IrVersion != test.ir || m.OpsetImport[0].Version != test.opset || len(m.OpsetImport) != 1+min(1, count["MultiHeadAttention"]) {
			t.Errorf("%+v: IR %d, %v", test.o, m.IrVersion, m.OpsetImport)
		}
	}
}

// Input, outputs and parameters: a parameter's name stands for its value; what was
// computed from one says so.
func TestNames(t *testing.T) {
	n := network(tiny(arch.DINOv2))
	m := exported(t, n, onnx.Options{})
	describe := func(v *protos.ValueInfoProto) string {
		text := v.Name
		for _, d := range v.Type.GetTensorType().Shape.Dim {
			text += " " + d.GetDimParam() + strings.Repeat("i", int(d.GetDimValue()))
		}
		return text
	}
	if got, want := describe(m.Graph.Output[0]), "class_queries_logits batch iiiii iiii"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := describe(m.Graph.Output[1]), "masks_queries_logits batch iiiii iiiiiiii iiiiiiiiiiii"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	parameters := tensor.ByName(n.Tensors)
	var names []string
	for _, i := range m.Graph.Initializer {
		names = append(names, i.Name)
		p, ok := parameters[i.Name]
		if !ok {
			continue
		}
		if raw, err := p.Bytes(); err != nil || !slices.Equal(raw, i.RawData) {
			t.Errorf("%s has a parameter's name and not its value", i.Name)
		}
	}
	for _, name := range []string{"q.weight", "backbone.blocks.0.norm1.weight", "backbone.blocks.0.attn.qkv.weight/q/scaled/T",
		"backbone.blocks.2.attn.proj.bias/ls1", "backbone.blocks.0.mlp.fc2.weight/ls2/T", "class_head.weight/T"} {
		if !slices.Contains(names, name) {
			t.Errorf("no initialiser %s", name)
		}
	}
}

func TestMetadata(t *testing.T) {
	n := network(tiny(arch.DINOv2))
	n.Task, n.MaskProbs = "semantic", []float32{0, 1}
	props := map[string]string{}
	for _, entry := range exported(t, n, onnx.Options{Input: onnx.Uint8}).MetadataProps {
		props[entry.Key] = entry.Value
	}
	m, err := onnx.ParseMetadata(props)
	if err != nil {
		t.Fatal(err)
	}
	if m.Architecture != n.Architecture || !slices.Equal(m.Classes, n.Classes) || m.Thresholds != n.Thresholds || m.Commit != "abc" ||
		m.Task != "semantic" || m.Input != onnx.Uint8 || m.Precision != onnx.F32 || !strings.Contains(m.Resize, "windows") || m.MaskProbs[1] != 1 {
		t.Errorf("%+v", m)
	}
	if props["image_mean"] != "[0.485,0.456,0.406]" || !strings.Contains(props["thresholds"], `"score":0.8`) {
		t.Errorf("%v", props)
	}
	for change, want := range map[string]string{
		"":                                     "the file was not written by `weights export`",
		"architecture=7":                       "cannot unmarshal number",
		`input="text"`:                         `input "text"`,
		"image_mean=[1,2,3]\ninput=\"float\"":  "pixels normalised by mean [1 2 3]",
		`classes=[{"id":1}]`:                   "1 classes, the network predicts 3",
		`architecture={"kind":"x","width":-1}`: "kind x: expected dinov2 or dinov3",
	} {
		other := map[string]string{}
		for key, value := range props {
			if change != "" {
				other[key] = value
			}
		}
		for line := range strings.Lines(change) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			other[key] = value
		}
		if _, err := onnx.ParseMetadata(other); !errors.Is(err, onnx.ErrForeign) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", change, err, want)
		}
	}
}

func FuzzParseMetadata(f *testing.F) {
	f.Add(`{"kind":"dinov2","width":32,"blocks":2,"heads":2,"hidden":4,"patch":16,"grid":[2,3],"queries":1,"classes":1,"mask_blocks":1,"upscales":2,"norm_eps":1}`,
		`[{"id":3,"name":"x"}]`, `"uint8"`)
	f.Fuzz(func(t *testing.T, architecture, classes, input string) {
		m, err := onnx.ParseMetadata(map[string]string{"architecture": architecture, "classes": classes, "input": input})
		if err != nil {
			return
		}
		if err := m.Architecture.Validate(); err != nil || m.Classes != nil && len(m.Classes) != m.Architecture.Classes {
			t.Errorf("%+v: %v", m, err)
		}
	})
}

func TestRefuses(t *testing.T) {
	taken := filepath.Join(t.TempDir(), "taken.onnx")
	if err := os.WriteFile(taken+".data", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*onnx.Network)
		o      onnx.Options
		path   string
		want   string
	}{
		"annealing": {func(n *onnx.Network) { n.MaskProbs = []float32{1, 0.25} }, onnx.Options{}, "",
			"onnx: query block 1 keeps its mask with probability 0.25: mask annealing has not ended"},
		"SiLU":          {func(n *onnx.Network) { n.Architecture.HeadSiLU = true }, onnx.Options{}, "", "SiLU in mask head"},
		"invalid":       {func(n *onnx.Network) { n.Architecture.Heads = 5 }, onnx.Options{}, "", "onnx: model: heads 5: must divide the width 32"},
		"tensors":       {func(n *onnx.Network) { n.Tensors = n.Tensors[1:] }, onnx.Options{}, "", "tensors given, the network has"},
		"classes":       {func(n *onnx.Network) { n.Classes = n.Classes[1:] }, onnx.Options{}, "", "2 classes given, the network predicts 3"},
		"probabilities": {func(n *onnx.Network) { n.MaskProbs = []float32{1} }, onnx.Options{}, "", "1 mask probabilities for 2 query blocks"},
		"opset":         {nil, onnx.Options{Opset: 18}, "", "onnx: opset 18: want 20 or 17"},
		"precision":     {nil, onnx.Options{Precision: "int8"}, "", `onnx: precision "int8": want f32 or f16`},
		"taken":         {nil, onnx.Options{}, taken, "taken.onnx.data already exists; choose another path"},
		"no folder":     {nil, onnx.Options{}, filepath.Join(t.TempDir(), "none", "m.onnx"), "no such file or directory"},
		"beyond f16": {func(n *onnx.Network) {
			i := slices.IndexFunc(n.Tensors, func(t tensor.Tensor) bool { return t.Name == "class_head.weight" })
			n.Tensors[i] = tensor.FromFloat32s("class_head.weight", n.Tensors[i].Shape, slices.Repeat([]float32{1e5}, int(n.Tensors[i].Elements())))
		}, onnx.Options{Precision: onnx.F16}, "", "beyond the range of float16: export with -precision f32"},
	} {
		n := network(tiny(arch.DINOv2))
		if test.change != nil {
			test.change(&n)
		}
		if test.path == "" {
			test.path = filepath.Join(t.TempDir(), "model.onnx")
		}
		if err := onnx.Write(test.path, n, test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, test.want)
		}
	}
}

// A file that cannot be read to its end leaves nothing behind, in one file or two.
func TestWholeOrNothing(t *testing.T) {
	broken := errors.New("the disk is broken")
	for _, limit := range []int64{1 << 30, 1000} {
		for _, name := range []string{"class_head.bias", "class_head.weight"} { // small and large
			n := network(tiny(arch.DINOv2))
			for i, p := range n.Tensors {
				if p.Name == name {
					n.Tensors[i] = tensor.Lazy(p.Name, p.DType, p.Shape, func() ([]byte, error) { return nil, broken })
				}
			}
			dir := t.TempDir()
			err := onnx.WriteLimited(filepath.Join(dir, "model.onnx"), n, onnx.Options{}, limit)
			if !errors.Is(err, broken) || !strings.Contains(err.Error(), "model.onnx: initialiser "+name) {
				t.Errorf("%v", err)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		}
	}
}

// Writing takes memory for a few tensors, not for the network.
func TestWritesOneTensorAtATime(t *testing.T) {
	a := tiny(arch.DINOv2)
	a.Width, a.Heads, a.Hidden, a.Blocks = 256, 4, 1024, 12
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	n := onnx.Network{Architecture: a}
	var total, peak uint64
	for _, p := range a.Parameters() {
		total += 4 * uint64(p.Size())
		n.Tensors = append(n.Tensors, tensor.Streamed(p.Name, tensor.Float32, p.Shape, func([]byte) error {
			peak = max(peak, heap())
			return nil
		}))
	}
	runtime.GC()
	before := heap()
	if err := onnx.Write(filepath.Join(t.TempDir(), "model.onnx"), n, onnx.Options{}); err != nil {
		t.Fatal(err)
	}
	if peak > before+total/2 {
		t.Errorf("%d MB of memory for a file of %d MB", (peak-before)>>20, total>>20)
	}
}
