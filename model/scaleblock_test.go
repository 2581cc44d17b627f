package model

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/internal/backend"
	"eomt/internal/backend/backendtest"
)

// scaleParams names a ScaleBlock's parameters.
func scaleParams(in []*Node) Params {
	return Params{"conv1.weight": in[0], "conv1.bias": in[1], "conv2.weight": in[2],
		"norm.weight": in[3], "norm.bias": in[4]}
}

// plainScaleBlock is a ScaleBlock of operations whose gradients are derived.
func plainScaleBlock(in []*Node) *Node {
	taps := Einsum("bhwi,ioyx->bhwyxo", in[0], in[1])
	x := asMap(Add(taps, alongLastAxis(in[2], taps)))
	x = nineProducts(padHW(Mul(x, phi(x))), in[3])
	mean, deviation := moments(x, scaleBlockEpsilon)
	y := Div(Sub(x, mean), deviation)
	return Add(Mul(y, alongLastAxis(in[4], y)), alongLastAxis(in[5], y))
}

// The written-out gradient is the derived one, all of it or of some inputs.
func TestScaleBlockGradient(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		const batch, h, w, d = 2, 2, 3, 3
		rng := rand.New(rand.NewPCG(3, 4))
		var args []any
		for _, dims := range [][]int{{batch, h, w, d}, {d, d, 2, 2}, {d}, {d, 1, 3, 3}, {d}, {d}, {batch, 2 * h, 2 * w, d}} {
			values := make([]float64, shapes.Make(dtypes.Float64, dims...).Size())
			for i := range values {
				values[i] = rng.NormFloat64()
			}
			args = append(args, tensors.FromFlatDataAndDimensions(values, dims...))
		}
		explicit := func(in []*Node) *Node {
			n := &net{params: scaleParams(in[1:]), dtype: dtypes.Float64}
			return n.scaleBlock("", in[0])
		}
		for name, wrt := range map[string][]int{"all": {0, 1, 2, 3, 4, 5}, "input": {0}, "kernel": {3}} {
			if name != "all" && b.Name() != backendtest.Go(t).Name() {
				continue // compiling takes seconds
			}
			exec := MustNewExec(b, func(in []*Node) []*Node {
				var out []*Node
				for _, f := range []func(in []*Node) *Node{explicit, plainScaleBlock} {
					y := f(in)
					var by []*Node
					for _, i := range wrt {
						by = append(by, in[i])
					}
					out = append(out, y)
					out = append(out, Gradient(ReduceAllSum(Mul(Square(y), in[6])), by...)...)
				}
				return out
			})
			out := exec.MustCall(args...)
			for i := range len(out) / 2 {
				got, want := tensors.MustCopyFlatData[float64](out[i]), tensors.MustCopyFlatData[float64](out[i+len(out)/2])
				for j := range want {
					// Sums of at most 100 float64 numbers of order 10, in another order, times up to
					// 100 where a pixel deviates little.
					if d := got[j] - want[j]; !(d < 1e-11 && d > -1e-11) {
						t.Fatalf("by %s: output %d, element %d: %v, derived %v", name, i, j, got[j], want[j])
					}
				}
			}
			exec.Finalize()
		}
	})
}

// BenchmarkScaleBlock is the second ScaleBlock of S at 640 px with all gradients.
func BenchmarkScaleBlock(b *testing.B) {
	const side, d = 80, 384
	a := arch.Architecture{Width: d, Blocks: 1, Heads: 1, Hidden: 1, Grid: [2]int{side, side}, Queries: 1, Classes: 1}.ForKind(arch.DINOv2).ForPatch(16)
	var graph *Graph
	exec := MustNewExec(backendtest.Fast(b), func(in []*Node) []*Node {
		graph = in[0].Graph()
		n := &net{Architecture: a, dtype: dtypes.Float32, params: scaleParams(in[1:])}
		y := n.scaleBlock("", in[0])
		// A gradient that depends on more than y, as from a loss.
		return Gradient(ReduceAllSum(Mul(y, in[6])), in[:6]...)
	})
	defer exec.Finalize()
	var args []any
	for _, dims := range [][]int{{1, side, side, d}, {d, d, 2, 2}, {d}, {d, 1, 3, 3}, {d}, {d}, {1, 2 * side, 2 * side, d}} {
		args = append(args, MustExecOnce(backendtest.Fast(b), func(g *Graph) *Node {
			_, x := RandomNormal(Const(g, []uint64{1, 2, uint64(len(args))}), shapes.Make(dtypes.Float32, dims...))
			return x
		}))
	}
	run := func() {
		for _, out := range exec.MustCall(args...) {
			out.MustFinalizeAll()
		}
	}
	run()
	for b.Loop() {
		run()
	}
	if m, ok := backend.MemoryOf(graph.Executable()); ok {
		b.ReportMetric(float64(m.Temporary)/(1<<20), "MiB-temporary")
	}
}
