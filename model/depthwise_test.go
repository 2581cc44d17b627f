package model

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/internal/backend/backendtest"
)

// The written-out gradient is the derived one.
func TestDepthwiseGradient(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		rng := rand.New(rand.NewPCG(3, 4))
		random := func(dims ...int) *tensors.Tensor {
			n := 1
			for _, d := range dims {
				n *= d
			}
			values := make([]float64, n)
			for i := range values {
				values[i] = rng.NormFloat64()
			}
			return tensors.FromFlatDataAndDimensions(values, dims...)
		}
		x, w, weights := random(2, 5, 4, 3), random(3, 1, 3, 3), random(2, 5, 4, 3)
		for name, wrt := range map[string][]int{"both": {0, 1}, "x": {0}, "w": {1}} {
			exec := MustNewExec(b, func(in []*Node) []*Node {
				var out []*Node
				derived := func(x, w *Node) *Node { return nineProducts(padHW(x), w) }
				for _, f := range []func(x, w *Node) *Node{depthwise, derived} {
					loss := ReduceAllSum(Mul(Square(f(in[0], in[1])), in[2]))
					var by []*Node
					for _, i := range wrt {
						by = append(by, in[i])
					}
					out = append(out, loss)
					out = append(out, Gradient(loss, by...)...)
				}
				return out
			})
			out := exec.MustCall(x, w, weights)
			for i := range len(out) / 2 {
				got, want := tensors.MustCopyFlatData[float64](out[i]), tensors.MustCopyFlatData[float64](out[i+len(out)/2])
				for j := range want {
					// Sums of at most 40 float64 numbers of order 10, in another order.
					if d := got[j] - want[j]; d > 1e-12 || d < -1e-12 {
						t.Fatalf("gradient with respect to %s: output %d, element %d: %v, derived %v", name, i, j, got[j], want[j])
					}
				}
			}
			exec.Finalize()
		}
	})
}
