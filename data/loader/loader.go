package loader

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"eomt/data"
	"eomt/internal/panics"

	"golang.org/x/sync/errgroup"
)

// Transform brings a sample to the training size. It must return the same size for
// all samples, drop crowds, not change its argument, be safe for concurrent use, and
// return transform.ErrNoTarget for a sample to be replaced because it has nothing to
// learn from. draws is the number of times it drew random numbers. See
// transform.Train.
type Transform interface {
	ApplyCounted(rng *rand.Rand, s *data.Sample) (out *data.Sample, draws int, err error)
}

// Handling of a sample that violates its format (Config.OnBadSample).
const (
	Fail = "fail" // Next returns the error
	Skip = "skip" // the next sample of the data set takes its place; logged and counted
)

// Config configures a loader. Fields with a yaml name are configuration keys.
type Config struct {
	Batch       int       `yaml:"batch" doc:"Images per step." range:"[1, 1048576]"` // samples per batch, in this shard
	Seed        uint64    `yaml:"-"`
	Start       int       `yaml:"-"` // first step
	Workers     int       `yaml:"workers" doc:"Samples decoded at the same time; 0 is one per core." range:"[0, 65536]"`
	Prefetch    int       `yaml:"-"` // batches made ahead; 0: two
	Transform   Transform `yaml:"-"`
	ShardIndex  int       `yaml:"-"` // this process's, 0 <= ShardIndex < ShardCount
	ShardCount  int       `yaml:"-"` // processes that share the data set; 0: one
	OnBadSample string    `yaml:"on_bad_sample" doc:"What a training sample that breaks its format does: fail ends the run, skip takes the next sample, logs and counts it." choice:"fail skip"`
	Sampling    string    `yaml:"sampling" doc:"How often an epoch has an image: uniform once; balanced images with rare classes several times and others less often, by LVIS's repeat factors. An epoch's length stays." choice:"uniform balanced"`
	Threshold   float64   `yaml:"sampling_threshold" doc:"Sampling balanced: a class that fewer than this share f of the images have is repeated sqrt(threshold/f) times." range:"(0, 1]"`
}

// Stats are counts so far, which include batches made ahead.
type Stats struct {
	Wait           time.Duration // spent waiting in Next
	Redrawn        int64         // samples whose transforms were redrawn until a target was left
	Replaced       int64         // samples with nothing to learn from, replaced by the next of the data set
	Skipped        int64         // samples that broke their format, replaced likewise
	DroppedTargets int64         // smallest targets of samples that had more than the largest bucket
}

// Loader makes the batches of one training run. Next and Stats may be called by
// one goroutine at a time.
type Loader struct {
	set     data.Dataset
	config  Config
	order   order
	queue   chan *pending // batches in progress, in order; capacity Prefetch
	jobs    chan job
	workers *errgroup.Group
	cancel  context.CancelFunc
	done    <-chan struct{}
	closed  sync.Once

	wait                                time.Duration
	redrawn, replaced, skipped, dropped atomic.Int64
}

// pending is a batch in progress.
type pending struct {
	step, epoch int
	samples     []*data.Sample
	errs        []error
	left        atomic.Int32
	ready       chan struct{} // closed when batch or err is set
	batch       *data.Batch
	err         error
}

// job is one sample of a pending batch.
type job struct {
	to   *pending
	slot int
	draw draw
}

// New starts a loader; Close stops it. The data set must have at least one batch.
func New(set data.Dataset, c Config) (*Loader, error) {
	c.ShardCount = max(1, c.ShardCount)
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Prefetch == 0 {
		c.Prefetch = 2
	}
	if c.OnBadSample == "" {
		c.OnBadSample = Fail
	}
	if c.Sampling == "" {
		c.Sampling = Uniform
	}
	if err := c.check(set.Len()); err != nil {
		return nil, err
	}
	var factors []float64
	if c.Sampling == Balanced {
		var err error
		if factors, err = balance(set, c); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	workers, ctx := errgroup.WithContext(ctx)
	l := &Loader{
		set:    set,
		config: c,
		order: order{samples: set.Len(), batch: c.Batch, seed: c.Seed, factors: factors,
			shard: c.ShardIndex, shards: c.ShardCount},
		queue:   make(chan *pending, c.Prefetch),
		jobs:    make(chan job),
		workers: workers,
		cancel:  cancel,
		done:    ctx.Done(),
	}
	workers.Go(l.dispatch)
	for range c.Workers {
		workers.Go(l.work)
	}
	return l, nil
}

func (c Config) check(samples int) error {
	switch {
	case c.Batch < 1 || c.Start < 0 || c.Workers < 0 || c.Prefetch < 0:
		return fmt.Errorf("loader: batch %d, start %d, workers %d, prefetch %d: want a batch of 1 or more and no negative number",
			c.Batch, c.Start, c.Workers, c.Prefetch)
	case c.Transform == nil:
		return errors.New("loader: no transform")
	case c.ShardIndex < 0 || c.ShardIndex >= c.ShardCount:
		return fmt.Errorf("loader: shard %d of %d: want 0 to %d", c.ShardIndex, c.ShardCount, c.ShardCount-1)
	case c.OnBadSample != Fail && c.OnBadSample != Skip:
		return fmt.Errorf("loader: on bad sample %q: want %q or %q", c.OnBadSample, Fail, Skip)
	case StepsPerEpoch(samples, c.Batch, c.ShardCount) == 0:
		return fmt.Errorf("loader: the data set's %d samples are fewer than one batch of %d in each of %d processes; make the batch smaller",
			samples, c.Batch, c.ShardCount)
	}
	return c.checkSampling()
}

// StepsPerEpoch returns the number of steps of one pass over the data set.
func (l *Loader) StepsPerEpoch() int { return l.order.stepsPerEpoch() }

// Next waits for the batch of the next step and returns it. An error names the
// file of the sample that caused it.
func (l *Loader) Next(ctx context.Context) (*data.Batch, error) {
	begin := time.Now()
	defer func() { l.wait += time.Since(begin) }()
	var p *pending
	select {
	case p = <-l.queue:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.done:
		return nil, errClosed
	}
	select {
	case <-p.ready:
		return p.batch, p.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.done:
		return nil, errClosed
	}
}

var errClosed = errors.New("loader: closed")

// Stats returns the counts so far.
func (l *Loader) Stats() Stats {
	return Stats{l.wait, l.redrawn.Load(), l.replaced.Load(), l.skipped.Load(), l.dropped.Load()}
}

// Close stops the workers, waits for them to end, and logs how many samples were
// redrawn, replaced or changed, if any were.
func (l *Loader) Close() {
	l.cancel()
	l.workers.Wait() // their only error is errClosed
	l.closed.Do(func() {
		if s := l.Stats(); s.Redrawn+s.Replaced+s.Skipped+s.DroppedTargets > 0 {
			slog.Info("loader: samples that differ from the data set", "redrawn", s.Redrawn, "replaced", s.Replaced, "skipped", s.Skipped, "dropped targets", s.DroppedTargets)
		}
	})
}

// dispatch hands out the samples of one batch after another. It runs ahead of
// Next by the capacity of the queue.
func (l *Loader) dispatch() error {
	for step := l.config.Start; ; step++ {
		epoch, _ := l.order.at(step, 0)
		p := &pending{step: step, epoch: epoch, samples: make([]*data.Sample, l.config.Batch), errs: make([]error, l.config.Batch),
			ready: make(chan struct{})}
		p.left.Store(int32(l.config.Batch))
		select {
		case l.queue <- p:
		case <-l.done:
			return errClosed
		}
		for slot := range p.samples {
			_, d := l.order.at(step, slot)
			select {
			case l.jobs <- job{p, slot, d}:
			case <-l.done:
				return errClosed
			}
		}
	}
}

// work makes samples. The worker that makes a batch's last sample packs the batch.
func (l *Loader) work() error {
	for {
		select {
		case j := <-l.jobs:
			p := j.to
			p.errs[j.slot] = panics.Recover(func() (err error) {
				p.samples[j.slot], err = l.sample(p.epoch, j.draw)
				return err
			})
			if p.left.Add(-1) == 0 {
				if p.err = firstError(p.errs); p.err == nil {
					p.err = panics.Recover(func() (err error) {
						p.batch, err = l.pack(p)
						return err
					})
				}
				p.samples = nil
				close(p.ready)
			}
		case <-l.done:
			return errClosed
		}
	}
}

// firstError is the error of the lowest slot that has one, whichever occurred first.
func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
