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
// prediction out. One caller at a time has it.
type engine interface {
	Predict(images []uint8, b int) (postprocess.Logits, error)
	Close()
}

// pixelEngine also runs ImageNet-normalised float32 images [b, 3, H, W].
type pixelEngine interface {
	PredictPixels(pixels []float32, b int) (postprocess.Logits, error)
}

// devices are engines that callers take in turn.
type devices struct {
	all     []engine
	free    chan engine // those that no caller has
	quit    chan struct{}
	closing sync.Once
}

func newDevices(engines ...engine) *devices {
	d := &devices{all: engines, free: make(chan engine, len(engines)), quit: make(chan struct{})}
	for _, e := range engines {
		d.free <- e
	}
	return d
}

// predict waits for an engine and predicts with it, unless the devices are closed or the
// caller has given up by then.
func (d *devices) predict(ctx context.Context, images []uint8, b int) (postprocess.Logits, error) {
	return d.with(ctx, func(e engine) (postprocess.Logits, error) { return e.Predict(images, b) })
}

// with calls use with an engine, as [devices.predict] does.
func (d *devices) with(ctx context.Context, use func(engine) (postprocess.Logits, error)) (l postprocess.Logits, err error) {
	select {
	case <-d.quit:
		return l, ErrClosed
	case <-ctx.Done():
		return l, context.Cause(ctx)
	case e := <-d.free:
		defer func() { d.free <- e }()
		select { // the choice above is at random
		case <-d.quit:
			return l, ErrClosed
		default:
		}
		if ctx.Err() != nil {
			return l, context.Cause(ctx)
		}
		err = panics.Recover(func() (err error) {
			l, err = use(e)
			return err
		})
		return l, err
	}
}

// close waits for the engines in use, and closes all.
func (d *devices) close() {
	d.closing.Do(func() {
		close(d.quit)
		for range d.all {
			<-d.free
		}
		for _, e := range slices.Backward(d.all) { // the first has what all use
			e.Close()
		}
	})
}
