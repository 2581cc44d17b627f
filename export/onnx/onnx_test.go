package onnx_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/gomlx/compute-onnx/support/protos"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
	"eomt/data"
	"eomt/export/onnx"
	"eomt/internal/backend/backendtest"
	"eomt/internal/ort"
	"eomt/model"
)

// tiny is a small network on images that are not square.
func tiny(kind arch.Kind) arch.Architecture {
	a := arch.Architecture{Width: 32, Blocks: 3, Heads: 2, Hidden: 48, MaskBlocks: 2, Registers: 2, Queries: 5, Classes: 3}
	a = a.ForPatch(16).ForKind(kind)
	a.Grid = [2]int{2, 3}
	return a
}

// kinds are the kinds of network.
func kinds() map[string]arch.Architecture {
	swiglu, plain := tiny(arch.DINOv2), tiny(arch.DINOv2)
	swiglu.SwiGLU = true
	plain.Registers = 0
	return map[string]arch.Architecture{"dinov2": tiny(arch.DINOv2), "dinov3": tiny(arch.DINOv3), "swiglu": swiglu,
		"no registers, patch 8": plain.ForPatch(8)}
}

// random are parameters and buffers of a that vary everywhere, so that no mix-up goes unnoticed.
func random(a arch.Architecture, seed uint64) []tensor.Tensor {
	var list []tensor.Tensor
	for i, p := range a.Parameters() {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		values := p.Initialize(seed)
		for k := range values {
			values[k] += float32(0.2 * r.NormFloat64())
		}
		list = append(list, tensor.FromFloat32s(p.Name, p.Shape, values))
	}
	for i, b := range a.Buffers() {
		r := rand.New(rand.NewPCG(seed, uint64(1000+i)))
		values := make([]float32, b.Size())
		for k := range values {
			values[k] = b.Start + 0.5*r.Float32()
		}
		list = append(list, tensor.FromFloat32s(b.Name, b.Shape, values))
	}
	return list
}

func network(a arch.Architecture) onnx.Network {
	return onnx.Network{Architecture: a, Tensors: random(a, 1), Task: "panoptic", Commit: "abc",
		Classes:    []data.Class{{ID: 7, Name: "cat", Thing: true}, {ID: 23, Name: "sky"}, {ID: 901, Name: "kite", Thing: true}},
		Thresholds: checkpoints.Thresholds{Score: 0.8, Overlap: 0.8, TopK: 100}}
}

// open opens a file in ONNX Runtime, or skips the test where there is none.
func open(t *testing.T, path string) *ort.Session {
	t.Helper()
	if _, err := ort.Library(ort.CPU); err != nil {
		t.Skip(err)
	}
	s, err := ort.Open(path, ort.CPU, onnx.PixelValues, []string{onnx.ClassLogits, onnx.MaskLogits})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// images are b random images of a's size, [b, H, W, 3].
func images(a arch.Architecture, b int) []uint8 {
	r := rand.New(rand.NewPCG(3, 4))
	pixels := make([]uint8, b*a.ImageH()*a.ImageW()*3)
	for i := range pixels {
		pixels[i] = uint8(r.IntN(256))
	}
	return pixels
}

// planes are images in the order of a file's input, [b, 3, H, W], as bytes and
// normalised.
func planes(a arch.Architecture, pixels []uint8) (raw []uint8, normalised []float32) {
	mean, std := [3]float64{.485, .456, .406}, [3]float64{.229, .224, .225}
	hw := a.ImageH() * a.ImageW()
	for b := range len(pixels) / (3 * hw) {
		for c := range 3 {
			for i := range hw {
				v := pixels[(b*hw+i)*3+c]
				raw = append(raw, v)
				normalised = append(normalised, float32((float64(v)/255-mean[c])/std[c]))
			}
		}
	}
	return raw, normalised
}

// graphLogits are the logits of the graph, in the layout of a file's outputs.
func graphLogits(t *testing.T, n onnx.Network, pixels []uint8, b int) (classes, masks []float32) {
	t.Helper()
	network, err := model.New(n.Architecture)
	if err != nil {
		t.Fatal(err)
	}
	params, err := model.Load(n.Architecture.Tensors(), func(i int, dst []float32) error { return n.Tensors[i].ReadFloat32s(dst) })
	if err != nil {
		t.Fatal(err)
	}
	probs := make([]float64, len(n.MaskProbs))
	for i, p := range n.MaskProbs {
		probs[i] = float64(p)
	}
	p, err := model.NewPredictor(backendtest.Go(t), network, params, probs, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	l, err := p.Predict(pixels, b)
	if err != nil {
		t.Fatal(err)
	}
	masks = make([]float32, len(l.Masks))
	hw := l.MaskH * l.MaskW
	for i := range b {
		for at := range hw {
			for q := range l.Queries {
				masks[(i*l.Queries+q)*hw+at] = l.Masks[(i*hw+at)*l.Queries+q]
			}
		}
	}
	return l.Class, masks
}

// difference is the largest difference of two lists in standard deviations of want.
func difference(t *testing.T, want, got []float32) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	var sum, squares, largest float64
	for i, w := range want {
		sum, squares = sum+float64(w), squares+float64(w)*float64(w)
		d := math.Abs(float64(got[i]) - float64(w))
		if !(d <= largest) {
			largest = d
		}
	}
	n := float64(len(want))
	return largest / math.Sqrt(squares/n-sum/n*sum/n)
}

// Every kind computes what the graph computes: opset, precision, input, attention,
// masks, batch.
func TestEqualsTheGraph(t *testing.T) {
	// float32 on both sides, summed in another order; float16 has 11 bits, and its
	// errors pass through three blocks. None of the masks' logits lies that near 0.
	const tolerance, halfTolerance = 1e-3, 5e-2
	variants := []struct {
		o      onnx.Options
		masked bool
		batch  int
	}{
		{onnx.Options{Opset: 20}, false, 1},
		{onnx.Options{Opset: 17, Input: onnx.Uint8}, false, 3},
		{onnx.Options{Opset: 20}, true, 3},
		{onnx.Options{Opset: 17}, true, 1},
		{onnx.Options{Opset: 20, For: onnx.OnnxRuntime}, true, 3},
		{onnx.Options{Opset: 20, For: onnx.OnnxRuntime, Input: onnx.Uint8}, false, 1},
		{onnx.Options{Opset: 20, Precision: onnx.F16}, false, 3},
		{onnx.Options{Opset: 17, Precision: onnx.F16, Input: onnx.Uint8}, true, 1},
	}
	for kind, a := range kinds() {
		for i, v := range variants {
			if kind == "no registers, patch 8" && i > 2 {
				continue // where it differs, precision and operators do not matter
			}
			t.Run(fmt.Sprintf("%s/%+v", kind, v), func(t *testing.T) {
				n := network(a)
				if v.masked {
					n.MaskProbs = []float32{1, 1}
				}
				path := filepath.Join(t.TempDir(), "model.onnx")
				if err := onnx.Write(path, n, v.o); err != nil {
					t.Fatal(err)
				}
				limit := tolerance
				if v.o.Precision == onnx.F16 {
					limit = halfTolerance
				}
				compare(t, path, n, v.o, v.batch, limit)
			})
		}
	}
}

// compare holds a file's outputs for b images against the graph's.
func compare(t *testing.T, path string, n onnx.Network, o onnx.Options, b int, limit float64) {
	t.Helper()
	s := open(t, path)
	classes, masks := graphLogits(t, n, images(n.Architecture, b), b)
	hold(t, s, n.Architecture, o, b, classes, masks, limit)
}

// hold holds a file's outputs for b images against logits.
func hold(t *testing.T, s *ort.Session, a arch.Architecture, o onnx.Options, b int, classes, masks []float32, limit float64) {
	t.Helper()
	err := run(s, a, o, images(a, b), b, func(outputs [][]float32) error {
		if d := difference(t, classes, outputs[0]); !(d <= limit) {
			t.Errorf("batch %d: class logits differ by %g standard deviations", b, d)
		}
		if d := difference(t, masks, outputs[1]); !(d <= limit) {
			t.Errorf("batch %d: mask logits differ by %g standard deviations", b, d)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Masks of a network whose attention is always masked matter.
func TestMaskedNetwork(t *testing.T) {
	n := network(tiny(arch.DINOv2))
	n.Architecture.Network = arch.EoMTMasked
	pixels := images(n.Architecture, 1)
	masked, _ := graphLogits(t, n, pixels, 1)
	n.Architecture.Network = arch.EoMT
	plain, _ := graphLogits(t, n, pixels, 1)
	if d := difference(t, plain, masked); d < 0.01 {
		t.Errorf("masks change the logits by %g standard deviations only: the comparison says nothing about them", d)
	}
}

// aligned reports whether an offset is a multiple of a page.
func aligned(offset string) bool {
	at, err := strconv.Atoi(offset)
	return err == nil && at%4096 == 0
}

// A network beyond the limit is in two files that give the same.
func TestTwoFiles(t *testing.T) {
	n := network(tiny(arch.DINOv3))
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := onnx.WriteLimited(path, n, onnx.Options{}, 1000); err != nil {
		t.Fatal(err)
	}
	outside := 0
	for _, i := range read(t, path).Graph.Initializer {
		if i.DataLocation != protos.TensorProto_EXTERNAL {
			continue
		}
		outside++
		for _, entry := range i.ExternalData {
			if entry.Key == "location" && entry.Value != "model.onnx.data" || entry.Key == "offset" && !aligned(entry.Value) {
				t.Errorf("%s: %s %s", i.Name, entry.Key, entry.Value)
			}
		}
	}
	if outside < 10 {
		t.Errorf("%d initialisers in the second file", outside)
	}
	compare(t, path, n, onnx.Options{}, 1, 1e-3)
}

func run(s *ort.Session, a arch.Architecture, o onnx.Options, pixels []uint8, b int, use func([][]float32) error) error {
	raw, normalised := planes(a, pixels)
	shape := []int{b, 3, a.ImageH(), a.ImageW()}
	if o.Input == onnx.Uint8 {
		return ort.Run(s, raw, shape, use)
	}
	return ort.Run(s, normalised, shape, use)
}
