package model

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/internal/backend/backendtest"
)

// tiny is small but has every part: registers, three query blocks, a ScaleBlock
// and an image that is not square.
func tiny(kind arch.Kind) arch.Architecture {
	a := arch.Architecture{Width: 32, Blocks: 5, Heads: 2, Hidden: 64, MaskBlocks: 3,
		Registers: 4, Grid: [2]int{4, 6}, Queries: 6, Classes: 5}.ForKind(kind).ForPatch(8)
	a.NormEps = 1e-6
	return a
}

// run executes a forward pass of c with random parameters of a seed and returns
// the final prediction's mask and class logits.
func run(t *testing.T, b compute.Backend, a arch.Architecture, probs, draws []float32) (masks, classes []float32) {
	t.Helper()
	const batch = 2
	var args []any
	parameters := a.Parameters()
	for _, p := range parameters {
		args = append(args, tensors.FromFlatDataAndDimensions(p.Initialize(7), p.Shape...))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	pixels := make([]float32, batch*a.ImageH()*a.ImageW()*3)
	for i := range pixels {
		pixels[i] = float32(rng.NormFloat64())
	}
	args = append(args, tensors.FromFlatDataAndDimensions(pixels, batch, a.ImageH(), a.ImageW(), 3))
	if probs != nil {
		args = append(args, probs, tensors.FromFlatDataAndDimensions(draws, a.MaskBlocks, batch, a.Queries))
	}
	exec := MustNewExec(b, func(in []*Node) []*Node {
		params, in := Bind(a, in), in[len(parameters):]
		var opts Options
		if len(in) > 1 {
			opts.Masking = &Masking{ProbsL: in[1], DrawsLBQ: in[2]}
		}
		masks, classes := eomt{a}.Forward(params, in[0], opts).Final()
		return []*Node{masks, classes}
	})
	defer exec.Finalize()
	results, err := exec.Call(args...)
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](results[0]), tensors.MustCopyFlatData[float32](results[1])
}

func largestDifference(a, b []float32) float64 {
	var largest float64
	for i := range a {
		largest = max(largest, math.Abs(float64(a[i]-b[i])))
	}
	return largest
}

// constant draws: a mask is dropped in block l exactly where probs[l] < 0.5.
func halves(a arch.Architecture) []float32 {
	draws := make([]float32, a.MaskBlocks*2*a.Queries)
	for i := range draws {
		draws[i] = 0.5
	}
	return draws
}

func TestProbabilityZeroIsTheUnmaskedGraph(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		for _, kind := range []arch.Kind{arch.DINOv2, arch.DINOv3} {
			a := tiny(kind)
			masks, classes := run(t, b, a, nil, nil)
			zeroDraws := make([]float32, a.MaskBlocks*2*a.Queries)
			gotMasks, gotClasses := run(t, b, a, []float32{0, 0, 0}, zeroDraws)
			// The two graphs add in different orders; logits are of order 1.
			if d := max(largestDifference(masks, gotMasks), largestDifference(classes, gotClasses)); d > 1e-5 {
				t.Errorf("%s: p = 0 differs from the unmasked graph by %g", kind, d)
			}
		}
	})
}

// The network that masks always is EoMT at probability 1 where nothing else is asked
// for, and EoMT without masks at probability 0.
func TestMaskedNetworkIsEoMTAtProbabilityOne(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		a := tiny(arch.DINOv2)
		always := a.ForNetwork(arch.EoMTMasked)
		for name, c := range map[string]struct{ want, got []float32 }{
			"by itself": {[]float32{1, 1, 1}, nil}, "at probability 1": {[]float32{1, 1, 1}, []float32{1, 1, 1}},
			"at probability 0": {[]float32{0, 0, 0}, []float32{0, 0, 0}},
		} {
			masks, classes := run(t, b, a, c.want, halves(a))
			gotMasks, gotClasses := run(t, b, always, c.got, halves(a))
			// Graphs of one and of all predictions may add in different orders; logits are of order 1.
			if d := max(largestDifference(masks, gotMasks), largestDifference(classes, gotClasses)); d > 1e-5 {
				t.Errorf("%s: differs by %g", name, d)
			}
		}
	})
}

// Each block's mask, by itself, changes what comes out: masking is real.
func TestEveryBlockMasks(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		a := tiny(arch.DINOv2)
		unmasked, _ := run(t, b, a, []float32{0, 0, 0}, halves(a))
		for l := range a.MaskBlocks {
			probs := make([]float32, a.MaskBlocks)
			probs[l] = 1
			masked, _ := run(t, b, a, probs, halves(a))
			if d := largestDifference(unmasked, masked); d < 1e-3 {
				t.Errorf("masking block %d alone changes mask logits by %g only", l, d)
			}
		}
	})
}

// A draw drops the mask of its own query, block and image alone: with a mask on
// in the last block only, the other image's logits stay as they are, and so do
// class logits of queries other than the one whose draw changes.
func TestDropIsPerQueryAndImage(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		a := tiny(arch.DINOv2)
		probs := []float32{0, 0, 0.7}
		draws := halves(a)
		_, before := run(t, b, a, probs, draws)
		query := 3
		draws[2*2*a.Queries+query] = 0.9 // image 0, last block
		_, after := run(t, b, a, probs, draws)
		width := a.Classes + 1
		for i := range before {
			changed := before[i] != after[i]
			row := i / width
			if changed && row != query {
				t.Fatalf("class logits of row %d (image %d, query %d) changed with the draw of query %d", row, row/a.Queries, row%a.Queries, query)
			}
		}
		if largestDifference(before[query*width:(query+1)*width], after[query*width:(query+1)*width]) == 0 {
			t.Error("dropping a query's mask left its class logits as they were")
		}
	})
}

func TestForwardRejects(t *testing.T) {
	b := backendtest.Fast(t)
	a := tiny(arch.DINOv2)
	g := NewGraph(b, "wrong size")
	pixels := Ones(g, shape(1, 40, 48, 3))
	err := panicText(func() { eomt{a}.Forward(Params{}, pixels, Options{}) })
	if err == "" {
		t.Error("an image of another size was accepted")
	}
	err = panicText(func() { eomt{a}.Forward(Params{}, Ones(g, shape(1, 32, 48, 3)), Options{}) })
	if want := `model: no parameter "backbone.patch_embed.proj.weight" in the graph`; err != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

// The resize to the patch grid is torch's bilinear one (align_corners=False)
// from 4 to 1: position 4i+1.5, the mean of pixels 4i+1 and 4i+2.
func TestToPatchGrid(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		in := make([]float32, 8*4)
		for i := range in {
			in[i] = float32(i * i)
		}
		got := MustExecOnce(b, func(x *Node) *Node { return toPatchGrid(x, 2, 1) },
			tensors.FromFlatDataAndDimensions(in, 1, 8, 4, 1))
		at := func(y, x int) float32 { return in[y*4+x] }
		for i, v := range tensors.MustCopyFlatData[float32](got) {
			want := (at(4*i+1, 1) + at(4*i+1, 2) + at(4*i+2, 1) + at(4*i+2, 2)) / 4
			if v != want {
				t.Errorf("row %d: %v, want %v", i, v, want)
			}
		}
	})
}

func shape(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }

func panicText(f func()) (text string) {
	defer func() {
		if r := recover(); r != nil {
			if err, ok := r.(error); ok {
				text = err.Error()
			}
		}
	}()
	f()
	return ""
}
