package model

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/internal/backend/backendtest"
)

// An explicit or recomputed gradient is the derived one.
func TestExplicitGradients(t *testing.T) {
	norm := func(in []*Node) *Node {
		x, weight, bias := in[0], in[1], in[2]
		centred := Sub(x, ReduceAndKeep(x, ReduceMean, -1))
		y := Div(centred, Sqrt(AddScalar(ReduceAndKeep(Square(centred), ReduceMean, -1), 1e-6)))
		return Add(Mul(y, alongLastAxis(weight, y)), alongLastAxis(bias, y))
	}
	smooth := func(in []*Node) *Node {
		return Mul(Sin(Mul(in[0], alongLastAxis(in[1], in[0]))), alongLastAxis(in[2], in[0]))
	}
	n := &net{}
	for name, f := range map[string]struct{ explicit, derived func(in []*Node) *Node }{
		"GELU":      {func(in []*Node) *Node { return gelu(in[0]) }, func(in []*Node) *Node { return Mul(in[0], phi(in[0])) }},
		"LayerNorm": {func(in []*Node) *Node { return layerNorm(in[0], in[1], in[2], 1e-6) }, norm},
		"bias":      {func(in []*Node) *Node { return n.addBias(in[0], in[1]) }, func(in []*Node) *Node { return Add(in[0], alongLastAxis(in[1], in[0])) }},
		"scale":     {func(in []*Node) *Node { return n.scale(in[0], in[1]) }, func(in []*Node) *Node { return Mul(in[0], alongLastAxis(in[1], in[0])) }},
		"recompute": {func(in []*Node) *Node { return recompute(smooth, in...) }, smooth},
		"nested": {func(in []*Node) *Node {
			return recompute(func(in []*Node) *Node { return recompute(smooth, in...) }, in...)
		}, smooth},
	} {
		t.Run(name, func(t *testing.T) {
			backendtest.Each(t, func(t *testing.T, b compute.Backend) {
				rng := rand.New(rand.NewPCG(5, 6))
				random := func(dims ...int) *tensors.Tensor {
					values := make([]float64, 1)
					for _, d := range dims {
						values = make([]float64, len(values)*d)
					}
					for i := range values {
						values[i] = rng.NormFloat64()
					}
					return tensors.FromFlatDataAndDimensions(values, dims...)
				}
				exec := MustNewExec(b, func(in []*Node) []*Node {
					var out []*Node
					for _, of := range []func(in []*Node) *Node{f.explicit, f.derived} {
						y := of(in[:3])
						out = append(out, y)
						out = append(out, Gradient(ReduceAllSum(Mul(Square(y), in[3])), in[:3]...)...)
					}
					return out
				})
				defer exec.Finalize()
				out := exec.MustCall(random(2, 5, 3), random(3), random(3), random(2, 5, 3))
				for i := range 4 {
					got, want := tensors.MustCopyFlatData[float64](out[i]), tensors.MustCopyFlatData[float64](out[4+i])
					for j := range want {
						// Sums of at most 10 float64 numbers of order 10, in another order.
						if d := got[j] - want[j]; !(d < 1e-12 && d > -1e-12) {
							t.Fatalf("output %d, element %d: %v, derived %v", i, j, got[j], want[j])
						}
					}
				}
			})
		})
	}
}
