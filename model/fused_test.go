package model

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/internal/backend/backendtest"
)

// The bias that goes to a fused attention hides what masks hide, and the token that
// makes their number even.
func TestBiasIsTheMask(t *testing.T) {
	a := arch.Architecture{Width: 8, Heads: 2, Queries: 3, Registers: 1, Grid: [2]int{2, 2}}.ForKind(arch.DINOv2).ForPatch(4)
	const b, heads, tokens, e = 2, 2, 3 + 2 + 4, 4
	backendtest.Each(t, func(t *testing.T, backend compute.Backend) {
		rng := rand.New(rand.NewPCG(8, 9))
		var args []any
		for range 3 {
			values := make([]float64, b*heads*tokens*e)
			for i := range values {
				values[i] = rng.NormFloat64()
			}
			args = append(args, tensors.FromFlatDataAndDimensions(values, b, heads, tokens, e))
		}
		allowed := make([]bool, b*3*4)
		for i := range allowed {
			allowed[i] = rng.IntN(2) == 0
		}
		args = append(args, tensors.FromFlatDataAndDimensions(allowed, b, 3, 4))
		exec := MustNewExec(backend, func(in []*Node) []*Node {
			q, k, v, allowedBQN := in[0], in[1], in[2], in[3]
			n := &net{Architecture: a, dtype: q.DType()}
			masked := n.attend(SliceAxis(q, 2, AxisRange(0, 3)), k, v, n.withFreeTokens(allowedBQN))
			want := Concatenate([]*Node{masked, n.attend(SliceAxis(q, 2, AxisRangeToEnd(3)), k, v, nil)}, 2)
			q, k, v = GrowRight(q, 2, 1, 0), GrowRight(k, 2, 1, 0), GrowRight(v, 2, 1, 0)
			weights := Softmax(Add(Einsum("bate,base->bats", q, k), n.bias(q, allowedBQN)))
			got := SliceAxis(Einsum("bats,base->bate", weights, v), 2, AxisRange(0, tokens))
			return []*Node{ReduceAllMax(Abs(Sub(got, want)))}
		})
		defer exec.Finalize()
		// Sums of 9 float64 numbers of order 1, in another order.
		if d := tensors.ToScalar[float64](exec.MustCall(args...)[0]); !(d < 1e-13) {
			t.Errorf("differs by %g", d)
		}
	})
}
