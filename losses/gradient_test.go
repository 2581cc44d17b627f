package losses_test

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/internal/backend/backendtest"
	"eomt/losses"
)

// Every sampler's and loss's gradient against central differences in float64. The
// step of 1e-5 leaves a truncation error of 1e-10 and a rounding error of 1e-11.
func TestFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	const batch, h, w, q, p, targets, classes, d = 2, 3, 4, 5, 7, 3, 4, 6
	cases := []struct {
		name string
		dims []int
		f    func(x *Node, in []*Node) *Node
	}{
		{"SampleRows", []int{batch, h, w, q}, func(x *Node, in []*Node) *Node { return curved(losses.SampleRows(x, in[0])) }},
		{"SampleMaps", []int{batch, h, w}, func(x *Node, in []*Node) *Node { return curved(losses.SampleMaps(x, in[0])) }},
		{"features of the targets' maps", []int{batch, h, w, d}, func(x *Node, in []*Node) *Node {
			return curved(losses.MapsOfTargets(losses.Masks{FeaturesBhwD: x, EmbeddingBQD: in[6]}, in[4]))
		}},
		{"embedding of the targets' maps", []int{batch, q, d}, func(x *Node, in []*Node) *Node {
			return curved(losses.MapsOfTargets(losses.Masks{FeaturesBhwD: in[5], EmbeddingBQD: x}, in[4]))
		}},
		{"MaskLoss bce", []int{batch, p}, func(x *Node, in []*Node) *Node {
			bce, _ := losses.MaskLoss(x, in[1], in[2], Scalar(x.Graph(), dtypes.Float64, 3))
			return bce
		}},
		{"MaskLoss dice", []int{batch, p}, func(x *Node, in []*Node) *Node {
			_, dice := losses.MaskLoss(x, in[1], in[2], Scalar(x.Graph(), dtypes.Float64, 3))
			return dice
		}},
		{"ClassLoss", []int{batch, q, classes + 1}, func(x *Node, in []*Node) *Node { return losses.ClassLoss(x, in[3], in[4], .1) }},
	}
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		points := tensors.FromFlatDataAndDimensions(uniform(rng, batch*p*2, -.1, 1.1), batch, p, 2)
		labels := tensors.FromFlatDataAndDimensions(uniform(rng, batch*p, 0, 1), batch, p)
		matched := tensors.FromFlatDataAndDimensions([]bool{true, false}, batch)
		class := tensors.FromFlatDataAndDimensions([]int32{0, 3, 1, 2, 2, 9}, batch, targets)
		query := tensors.FromFlatDataAndDimensions([]int32{4, 0, -1, 2, 1, -1}, batch, targets)
		features := tensors.FromFlatDataAndDimensions(uniform(rng, batch*h*w*d, -1, 1), batch, h, w, d)
		embedding := tensors.FromFlatDataAndDimensions(uniform(rng, batch*q*d, -1, 1), batch, q, d)
		for _, c := range cases {
			size := 1
			for _, d := range c.dims {
				size *= d
			}
			x := uniform(rng, size, -3, 3)
			x[0] = 0 // where |x| has its corner
			exec := MustNewExec(b, func(in []*Node) []*Node {
				y := c.f(in[0], in[1:])
				return []*Node{y, Gradient(y, in[0])[0]}
			})
			at := func(x []float64) (float64, []float64) {
				out := exec.MustCall(tensors.FromFlatDataAndDimensions(x, c.dims...), points, labels, matched, class, query, features, embedding)
				return flat(t, out[0])[0], flat(t, out[1])
			}
			_, got := at(x)
			want := make([]float64, size)
			for i := range x {
				const step = 1e-5
				keep := x[i]
				x[i] = keep + step
				up, _ := at(x)
				x[i] = keep - step
				down, _ := at(x)
				x[i] = keep
				want[i] = (up - down) / (2 * step)
			}
			near(t, c.name, got, want, 1e-8)
		}
	})
}

// curved is a scalar in which every value counts differently.
func curved(x *Node) *Node { return ReduceAllSum(Mul(Square(x), OnePlus(Sin(x)))) }
