package serve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
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
	floats  func(pixels []float32, b int) (postprocess.Logits, error) // nil where it takes bytes only
	size    int                                                       // bytes of an input
	ladder  []int                                                     // batch sizes, ascending
	wait    time.Duration
	retry   time.Duration
	metrics *metrics

	inputs  chan *input
	images  []uint8 // of the largest batch
	pixels  []float32
	stop    chan struct{}
	ended   chan struct{}
	warmed  chan struct{}          // closed when the network has run once
	trouble atomic.Pointer[string] // why the network cannot be used now
}

// input waits for its turn.
type input struct {
	ctx    context.Context
	image  []uint8   // [H, W, 3]
	pixels []float32 // in its place: normalised, [3, H, W]
	answer chan<- prediction
}

type prediction struct {
	logits postprocess.Logits // of one image
	err    error
}

func newQueue(n Network, o Options, m *metrics) *queue {
	q := &queue{network: n.Predictor, size: 3 * n.Architecture.ImageH() * n.Architecture.ImageW(), ladder: ladder(o.Batch), wait: o.Wait, retry: o.Retry, metrics: m,
		inputs: make(chan *input), stop: make(chan struct{}), ended: make(chan struct{}), warmed: make(chan struct{})}
	q.images, q.floats = make([]uint8, o.Batch*q.size), n.Pixels
	if q.floats != nil {
		q.pixels = make([]float32, o.Batch*q.size)
	}
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
	inputs := make([]*input, len(images))
	for i, image := range images {
		inputs[i] = &input{image: image.Pix}
	}
	return q.await(ctx, inputs)
}

// await puts inputs in, and returns the logits of each.
func (q *queue) await(ctx context.Context, inputs []*input) ([]postprocess.Logits, error) {
	places := make([]chan prediction, len(inputs))
	for i, in := range inputs {
		places[i] = make(chan prediction, 1)
		in.ctx, in.answer = ctx, places[i]
		select {
		case q.inputs <- in:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-q.ended:
			return nil, errStopped
		}
	}
	logits := make([]postprocess.Logits, len(inputs))
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
	clear(q.pixels)
	for _, b := range q.ladder {
		_, err := q.batch(b, false)
		if err == nil && q.floats != nil {
			_, err = q.batch(b, true)
		}
		if err != nil {
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
	var bytes, floats []*input
	for _, in := range inputs {
		if in.ctx.Err() != nil {
			q.metrics.dropped.Inc()
			continue
		}
		if in.pixels != nil {
			copy(q.pixels[len(floats)*q.size:], in.pixels)
			floats = append(floats, in)
		} else {
			copy(q.images[len(bytes)*q.size:], in.image)
			bytes = append(bytes, in)
		}
	}
	q.computeAlike(bytes, false)
	q.computeAlike(floats, true)
}

// computeAlike predicts inputs of one type, which lie in images or pixels.
func (q *queue) computeAlike(live []*input, floats bool) {
	if len(live) == 0 {
		return
	}
	b := 0
	for q.ladder[b] < len(live) {
		b++
	}
	if rest, end := len(live)*q.size, q.ladder[b]*q.size; floats {
		clear(q.pixels[rest:end])
	} else {
		clear(q.images[rest:end])
	}
	began := time.Now()
	logits, err := q.batch(q.ladder[b], floats)
	q.metrics.batch.Observe(float64(len(live)))
	q.metrics.device.Observe(time.Since(began).Seconds())
	if err != nil {
		q.fails(fmt.Sprintf("the network fails: %v", err))
	}
	for i, in := range live {
		p := prediction{err: err}
		if err == nil {
			p.logits = logits.Image(i)
			if floats && !numbers(p.logits.Class) { // the weights gave numbers when they were warmed
				p.err = refuse(http.StatusBadRequest, "the network's class logits of these pixels are not numbers: want ImageNet-normalised values")
			}
		}
		in.answer <- p
	}
}

// batch runs the network on the first b images.
func (q *queue) batch(b int, floats bool) (l postprocess.Logits, err error) {
	err = panics.Recover(func() (err error) {
		if floats {
			l, err = q.floats(q.pixels[:b*q.size], b)
		} else {
			l, err = q.network.Predict(q.images[:b*q.size], b)
		}
		return err
	})
	if err != nil {
		return l, err
	}
	if l.B != b || len(l.Class) != b*l.Queries*(l.Classes+1) || len(l.Masks) != b*l.Queries*l.MaskH*l.MaskW {
		return l, fmt.Errorf("%d mask and %d class logits of %d images for a batch of %d", len(l.Masks), len(l.Class), l.B, b)
	}
	if !floats && !numbers(l.Class) {
		return l, errors.New("its class logits are not numbers: the weights are damaged")
	}
	return l, nil
}

func numbers(values []float32) bool {
	return !slices.ContainsFunc(values, func(v float32) bool { return math.IsNaN(float64(v)) })
}
