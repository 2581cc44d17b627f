package onnx_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"eomt/arch"
	"eomt/checkpoints/tensor"
	"eomt/export/onnx"
)

// rung is a small network of a name on images that are not square.
func rung(name string, kind arch.Kind) arch.Architecture {
	a := arch.Architecture{Width: 32, Blocks: 4, Heads: 2, Hidden: 48, MaskBlocks: 2, Registers: 2, Queries: 5, Classes: 3}
	a = a.ForPatch(16).ForKind(kind).ForNetwork(name)
	a.Grid = [2]int{4, 6}
	if a.HasDecoder() {
		a.DecoderWidth, a.DecoderHeads, a.DecoderLayers, a.DecoderHidden = 64, 2, 4, 48
	}
	if a.HasPixelDecoder() {
		a.EncoderLayers, a.EncoderHidden = 2, 48
	}
	return a
}

// file writes a network and returns its path.
func file(t *testing.T, n onnx.Network, o onnx.Options) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := onnx.Write(path, n, o); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every network beside EoMT computes what its graph computes, in batches of 1 and 3.
func TestLadderEqualsTheGraph(t *testing.T) {
	for _, name := range arch.Networks[1:] {
		for _, kind := range []arch.Kind{arch.DINOv2, arch.DINOv3} {
			if kind == arch.DINOv3 && name != arch.SingleScaleDecoder {
				continue // the backbone's part is EoMT's
			}
			t.Run(fmt.Sprintf("%s/%s", name, kind), func(t *testing.T) {
				n := network(rung(name, kind))
				classes, masks := graphLogits(t, n, images(n.Architecture, 3), 3)
				for _, v := range []struct {
					o onnx.Options
					// float32 differs by the order of sums, float16 by 11 bits in each product,
					// one layer after the other. No mask's logit lies so near 0 that it changes sides.
					limit float64
				}{
					{onnx.Options{Opset: 20}, 1e-3},
					{onnx.Options{Opset: 17, Input: onnx.Uint8}, 1e-3},
					{onnx.Options{Opset: 20, For: onnx.OnnxRuntime}, 1e-3},
					{onnx.Options{Opset: 17, Precision: onnx.F16}, 5e-2},
				} {
					t.Run(fmt.Sprintf("%+v", v.o), func(t *testing.T) {
						s := open(t, file(t, n, v.o))
						for _, b := range []int{1, 3} {
							hold(t, s, n.Architecture, v.o, b, classes[:b*len(classes)/3], masks[:b*len(masks)/3], v.limit)
						}
					})
				}
			})
		}
	}
}

// changed is n with the parameters whose names end in a suffix set to a value.
func changed(n onnx.Network, suffix string, value func(i int) float32) onnx.Network {
	n.Tensors = slices.Clone(n.Tensors)
	for i, p := range n.Tensors {
		if strings.HasSuffix(p.Name, suffix) {
			list := make([]float32, p.Elements())
			for k := range list {
				list[k] = value(k)
			}
			n.Tensors[i] = tensor.FromFloat32s(p.Name, p.Shape, list)
		}
	}
	return n
}

// Deformable attention samples zeros outside of the map: points half a pixel and far
// beyond its rims, on every side.
func TestPointsOutside(t *testing.T) {
	n := changed(network(rung(arch.ViTAdapterMask2Former, arch.DINOv2)), ".sampling_offsets.bias", func(i int) float32 {
		return []float32{-0.75, 4.25, 1e6, -300, 2, -2.5, -1e6, 0}[i%8]
	})
	for _, opset := range []int{17, 20} {
		o := onnx.Options{Opset: opset}
		compare(t, file(t, n, o), n, o, 1, 1e-3)
	}
}

// A query whose mask is negative everywhere sees everything.
func TestNothingVisible(t *testing.T) {
	n := network(rung(arch.MultiScaleDecoder, arch.DINOv2))
	n = changed(n, "mask_projection.weight", func(int) float32 { return 0 })
	n = changed(n, "mask_projection.bias", func(int) float32 { return -1 })
	classes, masks := graphLogits(t, n, images(n.Architecture, 1), 1)
	if high := slices.Max(masks); high >= 0 {
		t.Errorf("a mask's logit is %g", high)
	}
	for _, opset := range []int{17, 20} {
		o := onnx.Options{Opset: opset}
		hold(t, open(t, file(t, n, o)), n.Architecture, o, 1, classes, masks, 1e-3)
	}
}

// Nodes are named after what they make, once each; a parameter's name stands for its
// value.
func TestLadderNames(t *testing.T) {
	n := network(rung(arch.ViTAdapterMask2Former, arch.DINOv2))
	for _, o := range []onnx.Options{{Opset: 20}, {Opset: 17, Precision: onnx.F16, Input: onnx.Uint8}} {
		m := exported(t, n, o)
		count := operators(t, m)
		// Injectors and encoder layers sample three levels, extractors one.
		if want := 3*arch.Interactions + arch.Interactions + 2 + 3*n.Architecture.EncoderLayers; count["GridSample"] != want {
			t.Errorf("%d GridSample, want %d", count["GridSample"], want)
		}
		used := map[string]bool{}
		for _, node := range m.Graph.Node {
			for _, input := range node.Input {
				used[input] = true
			}
		}
		parameters := tensor.ByName(n.Tensors)
		for _, i := range m.Graph.Initializer {
			if !used[i.Name] {
				t.Errorf("nothing reads %s", i.Name)
			}
			if p, ok := parameters[i.Name]; ok && o.Precision != onnx.F16 {
				if raw, err := p.Bytes(); err != nil || !slices.Equal(raw, i.RawData) {
					t.Errorf("%s has a parameter's name and not its value", i.Name)
				}
			}
		}
		for _, name := range []string{"decoder.layers.3.cross.proj", "pixel.encoder.layers.1.self_attn.output_proj", "adapter.interactions.2.extractor.ffn.fc2",
			"adapter.norm1", "adapter.spm.stem.0"} {
			if !used[name] && !used[name+".f32"] {
				t.Errorf("no node %s", name)
			}
		}
	}
}
