package segment

import (
	"context"
	"errors"
	"sync"

	"eomt/eval/postprocess"
	"eomt/internal/panics"
)

// ErrClosed is returned by a closed [Segmenter].
var ErrClosed = errors.New("segment: the segmenter is closed")

// engine runs a network: uint8 RGB images [b, H, W, 3] in, the final prediction
// out. Only the goroutine of a [device] calls it.
type engine interface {
	Predict(images []uint8, b int) (postprocess.Logits, error)
	Close()
}

// device is the goroutine that owns an engine.
type device struct {
	jobs    chan job
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

func newDevice(e engine) *device {
	d := &device{jobs: make(chan job), quit: make(chan struct{}), ended: make(chan struct{})}
	go d.run(e)
	return d
}

// run executes jobs until the device is closed. A job whose caller has given up is
// dropped before it runs.
func (d *device) run(e engine) {
	defer close(d.ended)
	defer e.Close()
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
func (d *device) predict(ctx context.Context, images []uint8, b int) (postprocess.Logits, error) {
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

// close waits for the job at hand and ends the goroutine.
func (d *device) close() {
	d.closing.Do(func() { close(d.quit) })
	<-d.ended
}
