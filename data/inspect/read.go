package inspect

import (
	"context"
	"runtime"
	"sync/atomic"

	"eomt/data"
	"eomt/internal/panics"

	"golang.org/x/sync/errgroup"
)

// thorough is a data set that reports more faults than Load does.
type thorough interface {
	// Dropped returns how many images opening left out.
	Dropped() int
	// Problems returns the broken records that opening found.
	Problems() []error
	// Faults returns all faults of sample i. s is Load's result, nil if it failed.
	Faults(i int, s *data.Sample) []error
}

// Read loads every sample of a data set, on all cores. The data set should be opened
// with SkipBad, so that broken records do not end it. progress, which may
// be nil, is called after each sample, from several goroutines at once.
func Read(ctx context.Context, set data.Dataset, progress func(done, total int)) (*Findings, error) {
	f := newFindings(set)
	var next, done atomic.Int64
	workers, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() error {
			for i := int(next.Add(1)) - 1; i < set.Len(); i = int(next.Add(1)) - 1 {
				if err := ctx.Err(); err != nil {
					return err
				}
				f.read(set, i)
				if n := int(done.Add(1)); progress != nil {
					progress(n, set.Len())
				}
			}
			return nil
		})
	}
	if err := workers.Wait(); err != nil {
		return nil, err
	}
	f.finish()
	return f, nil
}

func (f *Findings) read(set data.Dataset, i int) {
	var s *data.Sample
	var faults []error
	err := panics.Recover(func() (err error) {
		s, err = set.Load(i)
		if t, ok := set.(thorough); ok {
			faults = t.Faults(i, s)
		}
		return err
	})
	if err != nil {
		f.addBroken(append(faults, err))
		return
	}
	f.add(i, s, faults)
}
