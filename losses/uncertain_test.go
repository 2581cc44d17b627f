package losses_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/internal/backend/backendtest"
	"eomt/losses"
)

// Points are numbered by their x, so that the chosen ones are known again.
func TestMostUncertainIsAStableSort(t *testing.T) {
	const n, all, k = 5, 300, 130
	rng := rand.New(rand.NewPCG(2, 1))
	logits, points := make([]float32, n*all), make([]float32, n*all*2)
	for row := range n {
		for i := range all {
			x := float32(rng.NormFloat64())
			switch row {
			case 1: // many ties, of both signs
				x = float32(rng.IntN(5) - 2)
			case 2: // nothing but ties, beginning with a negative zero
				x = float32(math.Copysign(0, float64(i)-.5))
			case 3: // NaN and infinities count as certain
				if i%2 == 0 {
					x = []float32{float32(math.NaN()), float32(math.Inf(-1)), float32(math.Inf(1)), float32(math.Copysign(math.NaN(), -1))}[i/2%4]
				}
			case 4: // subnormal and largest
				x = []float32{math.SmallestNonzeroFloat32, math.MaxFloat32, -1e-40}[i%3]
			}
			logits[row*all+i], points[(row*all+i)*2] = x, float32(i)
		}
	}
	var want []float64
	for row := range n {
		order := make([]int, all)
		for i := range order {
			order[i] = i
		}
		certainty := func(i int) float64 {
			if x := float64(logits[row*all+i]); !math.IsNaN(x) {
				return math.Abs(x)
			}
			return math.Inf(1)
		}
		slices.SortStableFunc(order, func(a, b int) int {
			ca, cb := certainty(a), certainty(b)
			switch {
			case ca < cb:
				return -1
			case ca > cb:
				return 1
			}
			return 0
		})
		order = order[:k]
		slices.Sort(order)
		for _, i := range order {
			want = append(want, float64(i), 0)
		}
	}
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		got := MustExecOnce(b, func(points, logits *Node) *Node { return losses.MostUncertain(points, logits, k) },
			tensors.FromFlatDataAndDimensions(points, n, all, 2), tensors.FromFlatDataAndDimensions(logits, n, all))
		for row := range n {
			g, w := flat(t, got)[row*k*2:(row+1)*k*2], want[row*k*2:(row+1)*k*2]
			if !slices.Equal(g, w) {
				t.Errorf("map %d: chose %v, want %v", row, g, w)
			}
		}
	})
}

func TestRunningCounts(t *testing.T) {
	const n = 3
	rng := rand.New(rand.NewPCG(3, 1))
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		for _, k := range []int{1, 127, 128, 129, 20000} {
			flags, want := make([]bool, n*k), make([]int32, n*k)
			for row := range n {
				count := int32(0)
				for i := range k {
					if flags[row*k+i] = rng.IntN(3) > 0; flags[row*k+i] {
						count++
					}
					want[row*k+i] = count
				}
			}
			got := MustExecOnce(b, losses.RunningCounts, tensors.FromFlatDataAndDimensions(flags, n, k))
			if !slices.Equal(tensors.MustCopyFlatData[int32](got), want) {
				t.Errorf("K=%d: wrong counts", k)
			}
		}
	})
}

func BenchmarkMostUncertain(b *testing.B) {
	const n, all, k = 16, 37632, 9408
	rng := rand.New(rand.NewPCG(4, 1))
	exec := MustNewExec1(backendtest.Fast(b), func(points, logits *Node) *Node { return losses.MostUncertain(points, logits, k) })
	points := tensors.FromFlatDataAndDimensions(to32(uniform(rng, n*all*2, 0, 1)), n, all, 2)
	logits := tensors.FromFlatDataAndDimensions(to32(uniform(rng, n*all, -3, 3)), n, all)
	exec.MustCall(points, logits)
	for b.Loop() {
		exec.MustCall(points, logits)
	}
}
