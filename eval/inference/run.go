package inference

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"eomt/data"
	"eomt/eval/postprocess"
	"eomt/internal/panics"
)

// Result is one segmented image.
type Result struct {
	Index  int
	Sample *data.Sample // as the source gave it
	postprocess.Segmentation
}

// Run segments the source's images at indices, started in this order, and calls each
// with every result, from several goroutines in order of completion; each owns its
// result. The first error, including each's, ends the run, as does the end of ctx; a
// panic on any of its goroutines is returned as an error.
func Run(ctx context.Context, src Source, indices []int, p Predictor, c Config, each func(Result) error) error {
	if err := c.Check(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r := &run{Config: c, options: c.Rules(), source: src, each: each, workers: runtime.GOMAXPROCS(0)}
	r.busy = make(chan struct{}, r.workers)
	r.group, r.ctx = errgroup.WithContext(ctx)
	r.setLanes(p)
	loaded := make(chan chan *item, r.workers)
	r.start(func() error {
		defer close(loaded)
		return r.load(indices, loaded)
	})
	r.start(func() error { return r.predict(loaded) })
	if err := r.group.Wait(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	return nil
}

// run is the state of [Run].
type run struct {
	Config
	options postprocess.Options
	source  Source
	lanes   chan lane     // that do not work
	busy    chan struct{} // a place for each image in post-processing
	each    func(Result) error
	workers int // that decode, and likewise that post-process
	group   *errgroup.Group
	ctx     context.Context // of the group
}

// start runs f on a goroutine of the group.
func (r *run) start(f func() error) {
	r.group.Go(func() error { return panics.Recover(f) })
}

// item is an image in the pipeline.
type item struct {
	index     int
	sample    *data.Sample
	inputs    []data.RGB // dropped once they are in a batch
	placement postprocess.Placement
	logits    []postprocess.Logits // one per input
	missing   atomic.Int32         // inputs without logits yet
}

// load sends a slot for each image, in order, and fills the slots from separate
// goroutines, as many as loaded has room for. The slot of a skipped image holds nil.
func (r *run) load(indices []int, loaded chan<- chan *item) error {
	for _, i := range indices {
		place := make(chan *item, 1)
		select {
		case loaded <- place:
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
		r.start(func() error {
			it, err := r.prepare(i)
			place <- it
			return err
		})
	}
	return nil
}

// prepare loads an image and resizes it for the model; nil means skip.
func (r *run) prepare(i int) (*item, error) {
	it := &item{index: i}
	err := panics.Recover(func() (err error) {
		it.sample, err = r.source.Load(i)
		return err
	})
	if err != nil && r.LoadFailed != nil {
		return nil, r.LoadFailed(i, err)
	}
	if err != nil {
		return nil, fmt.Errorf("inference: %w", err)
	}
	it.inputs, it.placement = r.Inputs(it.sample.Image)
	it.logits = make([]postprocess.Logits, len(it.inputs))
	it.missing.Store(int32(len(it.inputs)))
	return it, nil
}

// lane is a predictor and the batch that it is given next.
type lane struct {
	Predictor
	*batch
}

// setLanes makes a lane for each of the predictors.
func (r *run) setLanes(p Predictor) {
	several, ok := p.(Several)
	if !ok {
		several = Several{p}
	}
	r.lanes = make(chan lane, len(several))
	for _, one := range several {
		r.lanes <- lane{one, newBatch(r.Config)}
	}
}

// predict collects inputs into batches across images, in order, and has each batch
// predicted by a lane that is free. One lane works on this goroutine, several on their
// own.
func (r *run) predict(loaded <-chan chan *item) error {
	l, err := r.freeLane()
	if err != nil {
		return err
	}
	for place := range loaded {
		var it *item
		select {
		case it = <-place:
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
		if it == nil {
			continue
		}
		for k := range it.inputs {
			if l.add(it, k); !l.full() {
				continue
			}
			if l, err = r.send(l); err != nil {
				return err
			}
		}
		it.inputs = nil
	}
	if r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	return r.work(l)
}

// freeLane waits for a lane that does not work.
func (r *run) freeLane() (lane, error) {
	select {
	case l := <-r.lanes:
		return l, nil
	case <-r.ctx.Done():
		return lane{}, r.ctx.Err()
	}
}

// send has a lane work on its batch, and returns a free one.
func (r *run) send(l lane) (lane, error) {
	if cap(r.lanes) == 1 {
		return l, r.work(l)
	}
	r.start(func() error {
		err := r.work(l)
		r.lanes <- l
		return err
	})
	return r.freeLane()
}

// work empties a lane's batch and passes each image to post-processing once it has all
// its logits.
func (r *run) work(l lane) error {
	ready, err := l.predict(l.Predictor)
	if err != nil {
		return err
	}
	for _, it := range ready {
		select {
		case r.busy <- struct{}{}:
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
		r.start(func() error {
			defer func() { <-r.busy }()
			return r.finish(it)
		})
	}
	return nil
}

// finish turns an image's logits into its segmentation.
func (r *run) finish(it *item) error {
	s := r.options.Apply(it.logits, it.placement)
	it.logits = nil
	return r.each(Result{Index: it.index, Sample: it.sample, Segmentation: s})
}
