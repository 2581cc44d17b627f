package serve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"eomt/data"
	"eomt/eval/inference"
	"eomt/eval/postprocess"
	"eomt/internal/panics"
)

// errStopped answers inputs that come after the device's end.
var errStopped = errors.New("the server has stopped")

// queue is the goroutine that owns the device, and the inputs that wait for it.
type queue struct {
	network inference.Predictor
	size    int   // bytes of an input
	ladder  []int // batch sizes, ascending
	wait    time.Duration
	retry   time.Duration
	metrics *metrics

	inputs  chan *input
	images  []uint8 // of the largest batch
	stop    chan struct{}
	ended   chan struct{}
	warmed  chan struct{}          // closed when the network has run once
	trouble atomic.Pointer[string] // why the network cannot be used now
}

// input waits for its turn.
type input struct {
	ctx    context.Context
	image  []uint8 // [H, W, 3]
	answer chan<- prediction
}

type prediction struct {
	logits postprocess.Logits // of one image
	err    error
}

func newQueue(n Network, o Options, m *metrics) *queue {
	q := &queue{network: n.Predictor, size: 3 * n.Architecture.ImageH() * n.Architecture.ImageW(), ladder: ladder(o.Batch), wait: o.Wait, retry: o.Retry, metrics: m,
		inputs: make(chan *input), stop: make(chan struct{}), ended: make(chan struct{}), warmed: make(chan struct{})}
	q.images = make([]uint8, o.Batch*q.size)
	q.fails("the network is warming up")
	return q
}

// ladder is the powers of two below most, and most.
func ladder(most int) []int {
	var sizes []int
	for b := 1; b < most; b *= 2 {
		sizes = append(sizes, b)
	}
	return append(sizes, most)
}

// ready is nil, or says why not.
func (q *queue) ready() error {
	if why := q.trouble.Load(); why != nil {
		return errors.New(*why)
	}
	return nil
}

func (q *queue) fails(why string) {
	q.trouble.Store(&why)
	q.metrics.ready.Set(0)
}

func (q *queue) recovers() {
	q.trouble.Store(nil)
	q.metrics.ready.Set(1)
}

// predict runs the inputs of one image, and returns the logits of each.
func (q *queue) predict(ctx context.Context, images []data.RGB) ([]postprocess.Logits, error) {
	places := make([]chan prediction, len(images))
	for i, image := range images {
		places[i] = make(chan prediction, 1)
		select {
		case q.inputs <- &input{ctx, image.Pix, places[i]}:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-q.ended:
			return nil, errStopped
		}
	}
	logits := make([]postprocess.Logits, len(images))
	for i, place := range places {
		select {
		case p := <-place:
			if p.err != nil {
				return nil, p.err
			}
			logits[i] = p.logits
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return logits, nil
}

// run computes until stop is closed; the network that failed is tried again.
func (q *queue) run() {
	defer close(q.ended)
	q.warm()
	close(q.warmed)
	for {
		var again <-chan time.Time
		if q.ready() != nil {
			again = time.After(q.retry)
		}
		select {
		case <-q.stop:
			return
		case <-again:
			q.warm()
		case first := <-q.inputs:
			q.compute(q.gather(first))
		}
	}
}

// warm runs every batch size once, so that all are compiled.
func (q *queue) warm() {
	clear(q.images)
	for _, b := range q.ladder {
		if _, err := q.batch(b); err != nil {
			q.fails(fmt.Sprintf("the network fails: %v", err))
			return
		}
	}
	q.recovers()
}

// gather waits a moment for inputs that join the first.
func (q *queue) gather(first *input) []*input {
	inputs := []*input{first}
	most := q.ladder[len(q.ladder)-1]
	if most == 1 {
		return inputs
	}
	timer := time.NewTimer(q.wait)
	defer timer.Stop()
	for len(inputs) < most {
		select {
		case next := <-q.inputs:
			inputs = append(inputs, next)
		case <-timer.C:
			return inputs
		}
	}
	return inputs
}

// compute predicts the inputs whose client still waits, and answers them.
func (q *queue) compute(inputs []*input) {
	live := inputs[:0]
	for _, in := range inputs {
		if in.ctx.Err() != nil {
			q.metrics.dropped.Inc()
			continue
		}
		copy(q.images[len(live)*q.size:], in.image)
		live = append(live, in)
	}
	if len(live) == 0 {
		return
	}
	b := 0
	for q.ladder[b] < len(live) {
		b++
	}
	clear(q.images[len(live)*q.size : q.ladder[b]*q.size])
	began := time.Now()
	logits, err := q.batch(q.ladder[b])
	q.metrics.batch.Observe(float64(len(live)))
	q.metrics.device.Observe(time.Since(began).Seconds())
	if err != nil {
		q.fails(fmt.Sprintf("the network fails: %v", err))
	}
	for i, in := range live {
		p := prediction{err: err}
		if err == nil {
			p.logits = logits.Image(i)
		}
		in.answer <- p
	}
}

// batch runs the network on the first b images.
func (q *queue) batch(b int) (l postprocess.Logits, err error) {
	err = panics.Recover(func() (err error) {
		l, err = q.network.Predict(q.images[:b*q.size], b)
		return err
	})
	if err != nil {
		return l, err
	}
	if l.B != b || len(l.Class) != b*l.Queries*(l.Classes+1) || len(l.Masks) != b*l.Queries*l.MaskH*l.MaskW {
		return l, fmt.Errorf("%d mask and %d class logits of %d images for a batch of %d", len(l.Masks), len(l.Class), l.B, b)
	}
	for _, v := range l.Class {
		if math.IsNaN(float64(v)) {
			return l, errors.New("its class logits are not numbers: the weights are damaged")
		}
	}
	return l, nil
}
