package eval

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"eomt/data"
	"eomt/data/transform"
	"eomt/eval/iou"
	"eomt/eval/postprocess"
)

// Predictor runs a model: uint8 RGB images [b, H, W, 3] of the configured size
// in, the final prediction out. It is called from one goroutine at a time.
type Predictor interface {
	Predict(images []uint8, b int) (postprocess.Logits, error)
}

// PredictFunc is a function as a [Predictor].
type PredictFunc func(images []uint8, b int) (postprocess.Logits, error)

// Predict calls f.
func (f PredictFunc) Predict(images []uint8, b int) (postprocess.Logits, error) { return f(images, b) }

// Config says what is evaluated and how.
type Config struct {
	Task           Task
	Protocol       Protocol
	ImageH, ImageW int // the model's input, pixels
	Batch          int // inputs predicted at once; the last batch is filled up with black
	Score, Overlap float64
	TopK           int        // instance: detections an image
	Absent         iou.Absent // semantic: the data set's rule, for [Exact]
	Limit          int        // evaluate the first images only; 0 is all

	// Save, where not empty, is the folder for predictions in the official formats.
	Save string `json:"-"`
	// Journal, where not empty, is the file of records that is written as images
	// are done. One of the same evaluation that was interrupted is gone on with.
	// With Save there is always one, by default in that folder.
	Journal string `json:"-"`
	// Visit, where not nil, is given every prediction that is made, from several
	// goroutines; what it gets is its own.
	Visit func(Prediction) error `json:"-"`
	// Identity says what the result depends on besides this Config (weights, data
	// set): a journal of another identity is started anew.
	Identity string
}

func (c Config) check(ds data.Dataset) error {
	switch {
	case !slices.Contains([]Task{Panoptic, Instance, Semantic}, c.Task):
		return fmt.Errorf("eval: task %q: want %s, %s or %s", c.Task, Panoptic, Instance, Semantic)
	case !slices.Contains([]Protocol{Exact, Upstream, Both}, c.Protocol):
		return fmt.Errorf("eval: protocol %q: want %s, %s or %s", c.Protocol, Exact, Upstream, Both)
	case c.ImageH <= 0 || c.ImageW <= 0 || c.Batch <= 0:
		return fmt.Errorf("eval: batches of %d inputs of %d x %d pixels: must be positive", c.Batch, c.ImageW, c.ImageH)
	case c.Task == Semantic && c.ImageH != c.ImageW:
		return fmt.Errorf("eval: input of %d x %d pixels: semantic evaluation cuts square windows", c.ImageW, c.ImageH)
	case c.Task == Instance && c.TopK <= 0:
		return fmt.Errorf("eval: %d detections an image: must be positive", c.TopK)
	case c.Limit < 0:
		return fmt.Errorf("eval: limit of %d images: must not be negative", c.Limit)
	case ds.Len() == 0:
		return fmt.Errorf("eval: the data set has no images")
	}
	return nil
}

// Evaluate predicts and scores the images of ds in order; progress, where not
// nil, is told of each one done, and may be called from several goroutines. Where
// ctx ends first, the error wraps its cause and the journal holds what was done.
//
// ds should hold images without targets too: the official metrics count them, and
// [Upstream] leaves them out.
func Evaluate(ctx context.Context, ds data.Dataset, p Predictor, c Config, progress func(done, total int)) (*Result, error) {
	if err := c.check(ds); err != nil {
		return nil, err
	}
	started := time.Now()
	if c.Journal == "" && c.Save != "" {
		c.Journal = filepath.Join(c.Save, journalName)
	}
	e := &evaluation{Config: c, ds: ds, predictor: p, workers: runtime.GOMAXPROCS(0), progress: progress, total: ds.Len()}
	if c.Limit > 0 {
		e.total = min(e.total, c.Limit)
	}
	var err error
	if e.saver, err = newSaver(c.Save, c.Task); err != nil {
		return nil, err
	}
	if e.task, err = newTask(c, ds.Classes(), e.saver); err != nil {
		return nil, err
	}
	if e.journal, err = openJournal(c, e.total, ds.Classes()); err != nil {
		return nil, err
	}
	defer e.journal.close()
	resumed := len(e.journal.records)
	if err := e.run(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("eval: stopped after %d of %d images: %w", len(e.journal.records), e.total, context.Cause(ctx))
		}
		return nil, err
	}
	result, err := e.result()
	if err != nil {
		return nil, err
	}
	result.Resumed, result.Seconds = resumed, time.Since(started).Seconds()
	return result, e.journal.finish()
}

// Prediction is what a model made of an image: the field of its task is set.
type Prediction struct {
	Info      data.ImageInfo
	Sample    *data.Sample
	Panoptic  *postprocess.PanopticMap
	Instances []postprocess.Detection
	Semantic  *postprocess.Labels
}

// visit shows a prediction to the caller.
func (c Config) visit(it *item, p Prediction) error {
	if c.Visit == nil {
		return nil
	}
	p.Info, p.Sample = it.info, it.sample
	return c.Visit(p)
}

// evaluation is the state of [Evaluate].
type evaluation struct {
	Config
	ds        data.Dataset
	predictor Predictor
	task      task
	saver     *saver
	journal   *journal
	workers   int // that decode, and likewise that score
	total     int
	mu        sync.Mutex // of journal and progress
	progress  func(done, total int)
}

// item is an image on its way through the evaluation.
type item struct {
	index    int
	info     data.ImageInfo
	sample   *data.Sample
	inputs   []data.RGB // dropped once they are in a batch
	geometry transform.Geometry
	plan     transform.WindowPlan
	logits   []postprocess.Logits // one an input
}

// run takes the images that the journal lacks through decoding, prediction and
// scoring, which go on at the same time.
func (e *evaluation) run(ctx context.Context) error {
	var pending []int // found before records are added at the same time
	for i := range e.total {
		if !e.journal.done(i) {
			pending = append(pending, i)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	loaded := make(chan chan *item, e.workers)
	group.Go(func() error {
		defer close(loaded)
		return e.load(ctx, group, pending, loaded)
	})
	group.Go(func() error { return e.predict(ctx, group, loaded) })
	return group.Wait()
}

// load sends a place for each pending image, in order, and fills it from
// goroutines of its own, as many as loaded has room for.
func (e *evaluation) load(ctx context.Context, group *errgroup.Group, pending []int, loaded chan<- chan *item) error {
	for _, i := range pending {
		place := make(chan *item, 1)
		select {
		case loaded <- place:
		case <-ctx.Done():
			return ctx.Err()
		}
		group.Go(func() error {
			sample, err := e.ds.Load(i)
			if err != nil {
				return fmt.Errorf("eval: %w", err)
			}
			it := &item{index: i, info: e.ds.Info(i), sample: sample}
			e.task.prepare(it)
			place <- it
			return nil
		})
	}
	return nil
}

// predict collects inputs into batches across images, and hands each image on to
// be scored as soon as it has all its logits.
func (e *evaluation) predict(ctx context.Context, group *errgroup.Group, loaded <-chan chan *item) error {
	scoring := make(chan struct{}, e.workers)
	b := newBatch(e.Config)
	flush := func() error {
		ready, err := b.predict(e.predictor)
		if err != nil {
			return err
		}
		for _, it := range ready {
			select {
			case scoring <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			group.Go(func() error {
				defer func() { <-scoring }()
				return e.score(it)
			})
		}
		return nil
	}
	for place := range loaded {
		var it *item
		select {
		case it = <-place:
		case <-ctx.Done():
			return ctx.Err()
		}
		for k := range it.inputs {
			if b.add(it, k); !b.full() {
				continue
			}
			if err := flush(); err != nil {
				return err
			}
		}
		it.inputs = nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return flush()
}

// score turns an image's logits into its record.
func (e *evaluation) score(it *item) error {
	record, err := e.task.score(it)
	if err != nil {
		return fmt.Errorf("eval: %s: %w", it.info.Name, err)
	}
	record.Index, record.ImageID, record.Name = it.index, it.info.ImageID, it.info.Name
	record.W, record.H = it.sample.Image.W, it.sample.Image.H
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.journal.add(record); err != nil {
		return err
	}
	if e.progress != nil {
		e.progress(len(e.journal.records), e.total)
	}
	return nil
}

// batch gathers inputs of one or more images until they are predicted together.
type batch struct {
	Config
	images []uint8 // [Batch, ImageH, ImageW, 3]
	owners []owner
}

// owner is the input of an image that has a place in a batch.
type owner struct {
	item  *item
	input int
}

func newBatch(c Config) *batch {
	return &batch{Config: c, images: make([]uint8, c.Batch*c.ImageH*c.ImageW*3)}
}

func (b *batch) full() bool { return len(b.owners) == b.Batch }

func (b *batch) add(it *item, input int) {
	size := len(b.images) / b.Batch
	copy(b.images[len(b.owners)*size:], it.inputs[input].Pix)
	b.owners = append(b.owners, owner{it, input})
}

// predict empties the batch and returns the images whose logits are complete.
func (b *batch) predict(p Predictor) (ready []*item, err error) {
	if len(b.owners) == 0 {
		return nil, nil
	}
	clear(b.images[len(b.owners)*(len(b.images)/b.Batch):])
	logits, err := p.Predict(b.images, b.Batch)
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	for i, o := range b.owners {
		one := logits.Image(i)
		for _, x := range one.Class {
			if math.IsNaN(float64(x)) {
				return nil, fmt.Errorf("eval: %s: the model's class logits are not numbers: its weights are damaged or its training diverged", o.item.info.Name)
			}
		}
		o.item.logits = append(o.item.logits, one)
		if len(o.item.logits) == o.item.expected() {
			ready = append(ready, o.item)
		}
	}
	b.owners = b.owners[:0]
	return ready, nil
}

// expected is the number of inputs that the image was cut into.
func (it *item) expected() int { return max(1, len(it.plan.Starts)) }
