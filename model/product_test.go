package model

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/internal/backend/backendtest"
)

// A product in bfloat16 and its gradients are float32's on numbers that bfloat16 holds,
// whatever the order of axes, and gradients have the operands' dtypes.
func TestProductInBFloat16(t *testing.T) {
	type axes struct{ dims, contract, batch []int }
	for name, operands := range map[string][2]axes{
		"linear":            {{[]int{2, 3, 4}, []int{2}, nil}, {[]int{5, 4}, []int{1}, nil}},
		"attention":         {{[]int{2, 3, 4, 5}, []int{3}, []int{0, 1}}, {[]int{2, 3, 6, 5}, []int{3}, []int{0, 1}}},
		"several summed":    {{[]int{2, 3, 4, 5}, []int{1, 3}, []int{0}}, {[]int{3, 2, 5, 7}, []int{0, 2}, []int{1}}},
		"batches last":      {{[]int{4, 3, 2}, []int{0}, []int{2, 1}}, {[]int{3, 4, 6, 2}, []int{1}, []int{3, 0}}},
		"nothing is left":   {{[]int{4, 3}, []int{0, 1}, nil}, {[]int{3, 4}, []int{1, 0}, nil}},
		"nothing is shared": {{[]int{3}, nil, nil}, {[]int{2}, nil, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			backendtest.Each(t, func(t *testing.T, b compute.Backend) {
				rng := rand.New(rand.NewPCG(5, 6))
				random := func(dims []int) *tensors.Tensor {
					size := 1
					for _, d := range dims {
						size *= d
					}
					values := make([]float32, size)
					for i := range values {
						values[i] = float32(rng.IntN(5) - 2)
					}
					return tensors.FromFlatDataAndDimensions(values, dims...)
				}
				l, r := operands[0], operands[1]
				exec := MustNewExec(b, func(in []*Node) []*Node {
					var out []*Node
					for _, dtype := range []dtypes.DType{dtypes.BFloat16, dtypes.Float32} {
						n := &net{dtype: dtype}
						y := n.product(n.activation(in[0]), l.contract, l.batch, in[1], r.contract, r.batch)
						if y.DType() != dtype {
							t.Errorf("the product is %s", y.DType())
						}
						loss := ReduceAllSum(Square(ConvertDType(y, dtypes.Float32)))
						out = append(append(out, ConvertDType(y, dtypes.Float32)), Gradient(loss, in...)...)
					}
					return out
				})
				defer exec.Finalize()
				out := exec.MustCall(random(l.dims), random(r.dims))
				for i := range 3 {
					got, want := tensors.MustCopyFlatData[float32](out[i]), tensors.MustCopyFlatData[float32](out[3+i])
					for j := range want {
						if d := float64(got[j] - want[j]); d != 0 {
							t.Fatalf("output %d, element %d: %v, want %v", i, j, got[j], want[j])
						}
					}
				}
			})
		})
	}
}
