package loader

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"eomt/data"
)

// labelled is a data set whose samples have nothing but classes.
type labelled [][]int

func (l labelled) Len() int                  { return len(l) }
func (l labelled) Classes() []data.Class     { return make([]data.Class, 9) }
func (l labelled) Info(i int) data.ImageInfo { return data.ImageInfo{} }
func (l labelled) Load(i int) (*data.Sample, error) {
	s := &data.Sample{Image: data.NewRGB(1, 1), Masks: data.NewPlanes(1, 1, len(l[i]))}
	for m, class := range l[i] {
		s.Instances = append(s.Instances, data.Instance{Class: class, Area: 1})
		s.Masks.Set(0, 0, m)
	}
	return s, nil
}

// rare has class 0 everywhere, class 1 in a tenth, class 2 in two samples, nothing in one.
func rare() labelled {
	set := make(labelled, 400)
	for i := range set {
		set[i] = []int{0, 0}
		if i%10 == 3 {
			set[i] = append(set[i], 1)
		}
	}
	set[7], set[211], set[399] = append(set[7], 2), append(set[211], 2, 1), nil
	return set
}

// The factors are those that the definition gives when each sample is looked through.
func TestRepeatFactors(t *testing.T) {
	set := rare()
	for _, threshold := range []float64{.001, .02, .5, 1} {
		factors, err := balance(set, Config{Threshold: threshold})
		if err != nil {
			t.Fatal(err)
		}
		for i := range set {
			want := 1.0
			for _, class := range set[i] {
				count := 0
				for _, other := range set {
					if slices.Contains(other, class) {
						count++
					}
				}
				want = max(want, math.Sqrt(threshold/(float64(count)/float64(len(set)))))
			}
			if math.Abs(factors[i]-want) > 1e-12 {
				t.Errorf("threshold %g, sample %d of %v: %g, want %g", threshold, i, set[i], factors[i], want)
			}
		}
	}
}

// Every epoch has as many draws as samples; each sample its share of them, rounded up
// or down, and over many epochs just its share.
func TestBalancedDraws(t *testing.T) {
	set := rare()
	factors, _ := repeatFactors(set, .5)
	var all float64
	for _, f := range factors {
		all += f
	}
	o := order{samples: len(set), batch: 7, shards: 1, seed: 3, factors: factors}
	const epochs = 2000
	sum := make([]float64, len(set))
	for epoch := range epochs {
		list := o.permutation(epoch)
		if len(list) != len(set) {
			t.Fatalf("%d draws in an epoch", len(list))
		}
		seen := map[draw]bool{}
		counts := make([]int, len(set))
		for _, d := range list {
			counts[d.index]++
			seen[d] = true
		}
		for i, count := range counts {
			share := factors[i] / all * float64(len(set))
			if float64(count) < math.Floor(share) || float64(count) > math.Ceil(share) {
				t.Fatalf("epoch %d: sample %d is drawn %d times, its share is %g", epoch, i, count, share)
			}
			for repeat := range count {
				if !seen[draw{int32(i), int32(repeat)}] {
					t.Fatalf("epoch %d: draw %d of sample %d is missing", epoch, repeat, i)
				}
			}
			sum[i] += float64(count)
		}
	}
	for i := range sum {
		share := factors[i] / all * float64(len(set))
		// A share's fraction p is drawn in p of the epochs, within five deviations.
		if p := share - math.Floor(share); math.Abs(sum[i]/epochs-share) > 5*math.Sqrt(p*(1-p)/epochs)+1e-9 {
			t.Errorf("sample %d is drawn %g times an epoch, its share is %g", i, sum[i]/epochs, share)
		}
	}
	if rarest := factors[7] / factors[0]; math.Abs(rarest-10) > 1e-9 { // sqrt(0.5 / (2/400))
		t.Errorf("the rarest class is repeated %g times", rarest)
	}
}

// An order resumed at a step goes on as one from the start, and two shards draw what
// one process does.
func TestBalancedOrderByPosition(t *testing.T) {
	factors, _ := repeatFactors(rare(), .5)
	whole := order{samples: 400, batch: 6, shards: 1, seed: 9, factors: factors}
	halves := [2]order{}
	for i := range halves {
		halves[i] = order{samples: 400, batch: 3, shard: i, shards: 2, seed: 9, factors: factors}
	}
	for step := 180; step >= 0; step -= 13 { // later steps first
		for b := range 6 {
			epoch, want := whole.at(step, b)
			if otherEpoch, got := halves[b/3].at(step, b%3); got != want || otherEpoch != epoch {
				t.Fatalf("step %d, sample %d: %v of epoch %d in a shard, want %v of epoch %d", step, b, got, otherEpoch, want, epoch)
			}
		}
	}
}

// Repeated draws of a sample have random numbers of their own, and the first those of
// uniform sampling.
func TestRandomNumbersOfDraws(t *testing.T) {
	o := order{samples: 10, seed: 4}
	first, second := o.random(2, draw{3, 0}), o.random(2, draw{3, 1})
	uniform := newRand(4, 2, 3)
	for range 5 {
		a, b, c := first.Uint64(), second.Uint64(), uniform.Uint64()
		if a == b || a != c {
			t.Errorf("%d, repeated %d, uniform %d", a, b, c)
		}
	}
}

func TestSamplingThatDoesNotExist(t *testing.T) {
	for want, c := range map[string]Config{
		`loader: sampling "often": want "uniform" or "balanced"`: {Sampling: "often"},
		"loader: balanced sampling needs a threshold":            {Sampling: Balanced},
	} {
		c.Batch, c.Transform = 1, nothing{}
		if _, err := New(rare(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

type nothing struct{}

func (nothing) ApplyCounted(_ *rand.Rand, s *data.Sample) (*data.Sample, int, error) {
	return s, 1, nil
}

// broken cannot load one sample.
type broken struct{ labelled }

func (b broken) Load(i int) (*data.Sample, error) {
	if i == 211 {
		return nil, &data.FormatError{Path: "211.png", Reason: "is cut off"}
	}
	return b.labelled.Load(i)
}

func TestBalanceOfABrokenSample(t *testing.T) {
	c := Config{Threshold: .5, OnBadSample: Fail}
	if _, err := balance(broken{rare()}, c); err == nil || !strings.Contains(err.Error(), "loader: balanced sampling: ") || !strings.Contains(err.Error(), "211.png") {
		t.Error(err)
	}
	c.OnBadSample = Skip
	if factors, err := balance(broken{rare()}, c); err != nil || factors[211] != 1 || factors[7] < 14 {
		t.Errorf("%v, %v", factors[211], err)
	}
}
