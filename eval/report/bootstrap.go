package report

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Bootstrap configures the bootstrap of intervals.
type Bootstrap struct {
	Resamples int    `json:"resamples"`
	Seed      uint64 `json:"seed"`
}

// DefaultBootstrap is what a report uses.
var DefaultBootstrap = Bootstrap{Resamples: 1000, Seed: 1}

// weights is how often each of n images is in resample b: n draws with
// replacement. They are a function of (seed, b, n), so that runs over the same images
// share resamples.
func (c Bootstrap) weights(b, n int) []int {
	rng := rand.New(rand.NewPCG(c.Seed, uint64(b)))
	weights := make([]int, n)
	for range n {
		weights[rng.IntN(n)]++
	}
	return weights
}

// resample computes the figures of every resample, [Resamples][figures], on all
// cores; tick is called after each one, from several goroutines.
func (c Bootstrap) resample(ctx context.Context, s scorer, images int, tick func()) ([][]float64, error) {
	values := make([][]float64, c.Resamples)
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for b := range values {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			figures := s.figures(c.weights(b, images))
			values[b] = make([]float64, len(figures))
			for i, f := range figures {
				values[b][i] = f.value
			}
			tick()
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return values, context.Cause(ctx)
}

// interval is the range that holds 95 % of the values, its ends interpolated
// linearly between them. Undefined values are ignored; if more than half are
// undefined, the interval is NaN.
func interval(values []float64) (low, high float64) {
	of := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(of) == 0 || 2*len(of) < len(values) {
		return math.NaN(), math.NaN()
	}
	slices.Sort(of)
	return percentile(of, 0.025), percentile(of, 0.975)
}

func percentile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	below := int(at)
	if below+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	part := at - float64(below)
	return sorted[below] + float64(part*(sorted[below+1]-sorted[below]))
}
