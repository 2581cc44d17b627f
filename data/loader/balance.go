package loader

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"eomt/data"
	"eomt/internal/panics"
)

// Sampling of a data set (Config.Sampling).
const (
	Uniform  = "uniform"  // every sample once in an epoch
	Balanced = "balanced" // samples with rare classes more often: see [repeatFactors]
)

// balance returns the repeat factors of the data set's samples. Samples that cannot be
// read have no classes where bad samples are skipped.
func balance(set data.Dataset, c Config) ([]float64, error) {
	samples := make([][]int, set.Len())
	if _, fast := set.(data.InstanceLister); !fast || set.Len() > manySamples {
		slog.Info("loader: reading the classes of all samples for balanced sampling", "samples", set.Len())
	}
	var workers errgroup.Group
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() error {
			for i := int(next.Add(1)) - 1; i < set.Len(); i = int(next.Add(1)) - 1 {
				err := panics.Recover(func() (err error) {
					samples[i], err = classesOf(set, i)
					return err
				})
				if err != nil && !(c.OnBadSample == Skip && isBadSample(err)) {
					return fmt.Errorf("loader: balanced sampling: %w", err)
				}
			}
			return nil
		})
	}
	if err := workers.Wait(); err != nil {
		return nil, err
	}
	factors, rare := repeatFactors(samples, c.Threshold)
	if rare == 0 {
		slog.Warn("loader: balanced sampling changes nothing: no class is in fewer samples than data.sampling_threshold says", "threshold", c.Threshold)
	} else {
		slog.Info("loader: balanced sampling", "rare classes", rare, "largest repeat factor", math.Round(100*slices.Max(factors))/100)
	}
	return factors, nil
}

// manySamples is a number of samples whose classes take long enough to be logged.
const manySamples = 100_000

// classesOf are the classes that a sample has a target of, ascending.
func classesOf(set data.Dataset, i int) ([]int, error) {
	var instances []data.Instance
	if lister, ok := set.(data.InstanceLister); ok {
		var err error
		if instances, err = lister.Instances(i); err != nil {
			return nil, err
		}
	} else {
		s, err := set.Load(i)
		if err != nil {
			return nil, err
		}
		instances = s.Instances
	}
	var classes []int
	for _, one := range instances {
		if !one.Crowd {
			classes = append(classes, one.Class)
		}
	}
	slices.Sort(classes)
	return slices.Compact(classes), nil
}

// repeatFactors are those of LVIS (arXiv 1908.03195, appendix B): a class that a share f
// of the samples has is repeated max(1, sqrt(threshold/f)) times, and a sample as often
// as its rarest class. rare counts the classes below the threshold.
func repeatFactors(samples [][]int, threshold float64) (factors []float64, rare int) {
	having := map[int]int{}
	for _, classes := range samples {
		for _, class := range classes {
			having[class]++
		}
	}
	of := map[int]float64{}
	for class, n := range having {
		of[class] = max(1, math.Sqrt(threshold*float64(len(samples))/float64(n)))
		if of[class] > 1 {
			rare++
		}
	}
	factors = make([]float64, len(samples))
	for i, classes := range samples {
		factors[i] = 1
		for _, class := range classes {
			factors[i] = max(factors[i], of[class])
		}
	}
	return factors, rare
}

// drawn is how often each sample is drawn in an epoch of as many draws as there are
// samples: its factor's share of them, rounded up or down (systematic sampling, which
// begins at start, in [0, 1), in the given order of samples).
//
// Differs: LVIS lengthens the epoch by the sum of the factors; here schedules in epochs
// stay those of uniform sampling.
func drawn(factors []float64, inOrder []int, start float64) []int {
	var all float64
	for _, f := range factors {
		all += f
	}
	counts := make([]int, len(factors))
	var upTo float64
	next := 0
	for _, i := range inOrder {
		upTo += factors[i] / all * float64(len(factors))
		for next < len(factors) && float64(next)+start < upTo {
			counts[i]++
			next++
		}
	}
	counts[inOrder[len(inOrder)-1]] += len(factors) - next // what rounding left over
	return counts
}

// checkSampling reports a sampling that does not exist.
func (c Config) checkSampling() error {
	switch {
	case c.Sampling != Uniform && c.Sampling != Balanced:
		return fmt.Errorf("loader: sampling %q: want %q or %q", c.Sampling, Uniform, Balanced)
	case c.Sampling == Balanced && !(c.Threshold > 0 && c.Threshold <= 1):
		return errors.New("loader: balanced sampling needs a threshold above 0 and at most 1")
	}
	return nil
}
