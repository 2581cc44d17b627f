package segment

import (
	"context"
	"errors"
	"slices"
	"sync"

	"eomt/eval/postprocess"
	"eomt/internal/panics"
)

// ErrClosed is returned by a closed [Segmenter].
var ErrClosed = errors.New("segment: the segmenter is closed")

// engine runs a network on one device: uint8 RGB images [b, H, W, 3] in, the final
// prediction out. Only one goroutine of [devices] predicts with it.
type engine interface {
	Predict(images []uint8, b int) (postprocess.Logits, error)
	Close()
}

// devices are goroutines that own an engine each. One that is free takes the next job.
type devices struct {
	jobs    chan job
	engines int
	quit    chan struct{}
	closing sync.Once
	ended   chan struct{}
}

type job struct {
	ctx    context.Context
	images []uint8
	b      int
	answer chan<- answer
}

type answer struct {
	logits postprocess.Logits
	err    error
}

func newDevices(engines ...engine) *devices {
	d := &devices{jobs: make(chan job), engines: len(engines), quit: make(chan struct{}), ended: make(chan struct{})}
	var running sync.WaitGroup
	for _, e := range engines {
		running.Go(func() { d.run(e) })
	}
	go func() {
		defer close(d.ended)
		running.Wait()
		for _, e := range slices.Backward(engines) { // the first has what all use
			e.Close()
		}
	}()
	return d
}

// run executes jobs until the devices are closed. A job whose caller has given up is
// dropped before it runs.
func (d *devices) run(e engine) {
	for {
		select {
		case <-d.quit:
			return
		case j := <-d.jobs:
			var a answer
			if a.err = context.Cause(j.ctx); a.err == nil {
				a.err = panics.Recover(func() (err error) {
					a.logits, err = e.Predict(j.images, j.b)
					return err
				})
			}
			j.answer <- a
		}
	}
}

// predict waits for its turn and for the answer: images are read until it returns.
func (d *devices) predict(ctx context.Context, images []uint8, b int) (postprocess.Logits, error) {
	answered := make(chan answer, 1)
	select {
	case <-d.quit:
		return postprocess.Logits{}, ErrClosed
	case <-ctx.Done():
		return postprocess.Logits{}, context.Cause(ctx)
	case d.jobs <- job{ctx, images, b, answered}:
	}
	a := <-answered
	return a.logits, a.err
}

// close waits for the jobs at hand, ends the goroutines and closes the engines.
func (d *devices) close() {
	d.closing.Do(func() { close(d.quit) })
	<-d.ended
}
