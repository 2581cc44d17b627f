package model

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/internal/backend/backendtest"
)

// tinyRung is a small network of a name, with an image that is not square.
func tinyRung(name string, kind arch.Kind) arch.Architecture {
	a := arch.Architecture{Width: 16, Blocks: 4, Heads: 2, Hidden: 24, MaskBlocks: 2, Registers: 2, Grid: [2]int{2, 4},
		Queries: 5, Classes: 3}.ForKind(kind).ForPatch(16).ForNetwork(name)
	if a.HasDecoder() {
		a.DecoderWidth, a.DecoderHeads, a.DecoderLayers, a.DecoderHidden = 32, 2, 4, 24
	}
	if a.HasPixelDecoder() {
		a.EncoderLayers, a.EncoderHidden = 1, 24
	}
	return a
}

// rungRun is a forward pass in float32 on the Go backend with the values of
// ladderValue, which change alters by name, on images of the given pixels.
func rungRun(t *testing.T, a arch.Architecture, images int, change func(name string, flat []float32), outputs func(p Predictions) []*Node, opts Options) [][]float32 {
	t.Helper()
	network, err := New(a)
	if err != nil {
		t.Fatal(err)
	}
	exec := MustNewExec(backendtest.Go(t), func(in []*Node) []*Node {
		pixels := in[len(in)-1]
		return outputs(network.Forward(Bind(a, in), pixels, opts))
	})
	defer exec.Finalize()
	var args []any
	for _, one := range a.Tensors() {
		value := ladderValue(one, "properties")
		flat := narrow(tensors.MustCopyFlatData[float64](value))
		if change != nil {
			change(one.Name, flat)
		}
		args = append(args, tensors.FromFlatDataAndDimensions(flat, one.Shape...))
	}
	pixels := narrow(values("pixels", "properties", 2*a.ImageH()*a.ImageW()*3))
	args = append(args, tensors.FromFlatDataAndDimensions(pixels[:images*len(pixels)/2], images, a.ImageH(), a.ImageW(), 3))
	results, err := exec.Call(args...)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]float32
	for _, r := range results {
		out = append(out, tensors.MustCopyFlatData[float32](r))
	}
	return out
}

func narrow(list []float64) []float32 {
	out := make([]float32, len(list))
	for i, v := range list {
		out[i] = float32(v)
	}
	return out
}

func final(p Predictions) []*Node {
	masks, classes := p.Final()
	return []*Node{masks, classes}
}

// rounding is more than the order of additions changes in float32; logits are of order 10.
const rounding = 1e-3

// Inference has one prediction, training and comparisons all of them, of every network
// and kind of backbone; the final one does not depend on the other images of a batch.
func TestEveryRungPredicts(t *testing.T) {
	for _, name := range arch.Networks[1:] {
		for _, kind := range []arch.Kind{arch.DINOv2, arch.DINOv3} {
			a := tinyRung(name, kind)
			count := 0
			two := rungRun(t, a, 2, nil, func(p Predictions) []*Node { count = len(p.Masks); return final(p) }, Options{})
			if count != 1 {
				t.Errorf("%s: %d predictions for inference", name, count)
			}
			one := rungRun(t, a, 1, nil, func(p Predictions) []*Node { count = len(p.Masks); return final(p) }, Options{Masking: &Masking{}})
			if count != a.Predictions() {
				t.Errorf("%s: %d predictions, want %d", name, count, a.Predictions())
			}
			for i := range one {
				if d := largestDifference(one[i], two[i]); d > rounding {
					t.Errorf("%s, %s: the first of two images differs from the image alone by %g", name, kind, d)
				}
			}
			if want := a.MaskH() * a.MaskW() * a.Queries; len(one[0]) != want {
				t.Errorf("%s: %d mask logits, want %d", name, len(one[0]), want)
			}
		}
	}
}

// In training, BatchNorm takes the batch's statistics: images depend on each other, and
// the running values move.
func TestBatchStatisticsInTraining(t *testing.T) {
	a := tinyRung(arch.ViTAdapterMask2Former, arch.DINOv2)
	outputs := func(p Predictions) []*Node { return append(final(p), p.BuffersNext...) }
	one := rungRun(t, a, 1, nil, outputs, Options{Training: true})
	two := rungRun(t, a, 2, nil, outputs, Options{Training: true})
	if largestDifference(one[1], two[1]) < rounding {
		t.Error("the batch's statistics do not matter")
	}
	if n := len(one) - 2; n != len(a.Buffers()) {
		t.Fatalf("%d running values, want %d", n, len(a.Buffers()))
	}
	for i, b := range a.Buffers() {
		if size := len(one[2+i]); size != b.Size() {
			t.Errorf("%s has %d values, want %d", b.Name, size, b.Size())
		}
	}
}

// With gamma 0 the adapter leaves the ViT's tokens as they are.
func TestGammaZeroLeavesTheViT(t *testing.T) {
	last := func(p Predictions) []*Node { return []*Node{p.StagesBSD[len(p.StagesBSD)-1]} }
	plain := rungRun(t, tinyRung(arch.MultiScaleDecoder, arch.DINOv2), 1, nil, last, Options{})
	off := func(name string, flat []float32) {
		if strings.HasSuffix(name, "injector.gamma") {
			clear(flat)
		}
	}
	with := rungRun(t, tinyRung(arch.ViTAdapterMask2Former, arch.DINOv2), 1, off, last, Options{})
	if !slices.Equal(plain[0], with[0]) {
		t.Errorf("tokens differ by %g", largestDifference(plain[0], with[0]))
	}
	on := rungRun(t, tinyRung(arch.ViTAdapterMask2Former, arch.DINOv2), 1, nil, last, Options{})
	if largestDifference(plain[0], on[0]) < rounding {
		t.Error("injection changes nothing")
	}
}

// Queries that trade places, features and positions alike, trade predictions.
func TestQueriesOfADecoderPermute(t *testing.T) {
	a := tinyRung(arch.ViTMask2Former, arch.DINOv2)
	turn := func(name string, flat []float32) {
		if strings.HasPrefix(name, "decoder.queries.") {
			d := a.DecoderWidth
			copy(flat, append(slices.Clone(flat[d:]), flat[:d]...))
		}
	}
	classes := func(p Predictions) []*Node { return final(p)[1:] }
	before, after := rungRun(t, a, 1, nil, classes, Options{}), rungRun(t, a, 1, turn, classes, Options{})
	width := a.Classes + 1
	want := append(slices.Clone(before[0][width:]), before[0][:width]...)
	if d := largestDifference(want, after[0]); d > rounding {
		t.Errorf("permuted predictions differ by %g", d)
	}
}

// A query sees the positions of logit 0 and more; one that would see nothing sees all.
func TestVisible(t *testing.T) {
	b := backendtest.Fast(t)
	got := MustExecOnce(b, func(embedding, features *Node) *Node { return ConvertDType(visible(embedding, features), dtypes.Int32) },
		[][][]float32{{{1}, {-1}}}, [][][]float32{{{2}, {0}, {1}}})
	if want := []int32{1, 1, 1, 0, 1, 0}; !slices.Equal(tensors.MustCopyFlatData[int32](got), want) {
		t.Errorf("%v, want %v", got, want)
	}
	got = MustExecOnce(b, func(embedding, features *Node) *Node { return ConvertDType(visible(embedding, features), dtypes.Int32) },
		[][][]float32{{{-1}, {1}}}, [][][]float32{{{2}, {1}, {3}}})
	if want := []int32{1, 1, 1, 1, 1, 1}; !slices.Equal(tensors.MustCopyFlatData[int32](got), want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Points on the pixels' centres return the pixels; a constant map is constant wherever
// all four corners lie inside; far outside there is nothing.
func TestSamplingOnPixelsAndConstants(t *testing.T) {
	b := backendtest.Fast(t)
	at := grid{3, 4}
	sample := func(values []float32, points []float64) []float32 {
		t4 := len(points) / 2
		locations := make([]float32, 0, 8*t4)
		for i := range t4 {
			for range arch.Points {
				locations = append(locations, float32(points[2*i]), float32(points[2*i+1]))
			}
		}
		got := MustExecOnce(b, func(v, l *Node) *Node {
			weights := MulScalar(OnesLike(Reshape(SliceAxis(l, 5, AxisElem(0)), 1, t4, 1, 1, arch.Points)), 1.0/arch.Points)
			return samplePoints(v, l, weights, []grid{at})
		}, tensors.FromFlatDataAndDimensions(values, 1, at.size(), 1, 1), tensors.FromFlatDataAndDimensions(locations, 1, t4, 1, 1, arch.Points, 2))
		return tensors.MustCopyFlatData[float32](got)
	}
	pixels := make([]float32, at.size())
	constant := make([]float32, at.size())
	for i := range pixels {
		pixels[i], constant[i] = float32(i*i), 7
	}
	// Centres are exact to a float32's rounding of a coordinate, times the step between pixels.
	if d := largestDifference(pixels, sample(pixels, references(at))); d > 1e-4 {
		t.Errorf("pixels differ by %g", d)
	}
	got := sample(constant, []float64{0.3, 0.4, 0.5, 0.5, 0.8, 0.7, 1.2, 0.5, 0.5, -0.3, 90, -90})
	if want := []float32{7, 7, 7, 0, 0, 0}; largestDifference(got, want) > 1e-5 {
		t.Errorf("%v, want %v", got, want)
	}
}

// Bilinear enlarging by 2 and by 4: half-pixel centres, edges repeated.
func TestEnlarge(t *testing.T) {
	b := backendtest.Fast(t)
	in := [][][][]float32{{{{0}, {8}}}}
	for factor, want := range map[int][]float32{2: {0, 2, 6, 8}, 4: {0, 0, 1, 3, 5, 7, 8, 8}} {
		got := tensors.MustCopyFlatData[float32](MustExecOnce(b, func(x *Node) *Node { return enlarge(x, factor) }, in))
		for y := range factor {
			if row := got[y*2*factor : (y+1)*2*factor]; !slices.Equal(row, want) {
				t.Errorf("%d times: %v, want %v", factor, row, want)
			}
		}
	}
}
