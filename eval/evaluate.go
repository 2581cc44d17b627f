package eval

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"eomt/data"
	"eomt/eval/inference"
	"eomt/eval/iou"
	"eomt/eval/predictions"
)

// Config configures an evaluation. Fields with a yaml name are configuration keys.
type Config struct {
	Task           Task       `yaml:"-"`
	Protocol       Protocol   `yaml:"-"`
	ImageH, ImageW int        `yaml:"-"`                                                        // the model's input, pixels
	Batch          int        `yaml:"batch" doc:"Inputs predicted at once." range:"[1, 65536]"` // the last batch is filled up with black
	Score          float64    `yaml:"score_threshold" doc:"Panoptic: queries with a lower class score are dropped." range:"[0, 1]"`
	Overlap        float64    `yaml:"overlap_threshold" doc:"Panoptic: least visible share of a mask that makes a segment." range:"[0, 1]"`
	TopK           int        `yaml:"top_k" doc:"Instance: predictions kept per image." range:"[1, 65536]"`
	Precision      string     `yaml:"precision" doc:"Number format of activations and matrix products in evaluation and prediction (docs/precision.md)." choice:"f32 bf16"`
	Absent         iou.Absent `yaml:"-"` // semantic: the data set's rule, for [Exact]
	Limit          int        `yaml:"limit,omitempty" doc:"Images, the first of the split, that each validation of a training run evaluates; the last state is evaluated on all images as well, and the best checkpoint is chosen among validations over as many images. cmd/eval has -limit instead." range:"[0, 1e9]" default:"all images"`
	// ModelClasses, if not empty, is the weights' class table; it must be the data
	// set's.
	ModelClasses []data.Class `json:"-" yaml:"-"`

	// Save, if not empty, is the folder for predictions in the official formats.
	Save string `json:"-" yaml:"-"`
	// Journal, if not empty, is the file to which each image's record is appended once
	// scored. An interrupted journal of the same evaluation is resumed. With Save there
	// is always one, by default in that folder.
	Journal string `json:"-" yaml:"-"`
	// Shared, if not nil, are the processes that evaluate together.
	Shared Shared `json:"-" yaml:"-"`
	// Identity identifies what else the result depends on (weights, data set); a journal
	// with another identity is discarded.
	Identity string `yaml:"-"`
}

// Defaults are the published thresholds and a batch of one.
func Defaults() Config {
	return Config{Batch: 1, Score: 0.8, Overlap: 0.8, TopK: 100, Precision: "f32"}
}

// Check reports why ds cannot be evaluated; [Evaluate] runs the same checks. A
// training run that validates later calls it, and [CheckImages], before its first step.
func (c Config) Check(ds data.Dataset) error {
	switch {
	case !slices.Contains([]Task{Panoptic, Instance, Semantic}, c.Task):
		return fmt.Errorf("eval: task %q: want %s, %s or %s", c.Task, Panoptic, Instance, Semantic)
	case !slices.Contains([]Protocol{Exact, Upstream, Both}, c.Protocol):
		return fmt.Errorf("eval: protocol %q: want %s, %s or %s", c.Protocol, Exact, Upstream, Both)
	case c.Limit < 0:
		return fmt.Errorf("eval: limit of %d images: must not be negative", c.Limit)
	case ds.Len() == 0:
		return fmt.Errorf("eval: the data set has no images")
	}
	if len(c.ModelClasses) > 0 {
		if err := data.CompareClasses(c.ModelClasses, ds.Classes()); err != nil {
			return fmt.Errorf("eval: the weights were trained on other classes: %w", err)
		}
	}
	return c.inference(ds.Classes()).Check()
}

// inference is how the images are predicted.
func (c Config) inference(classes []data.Class) inference.Config {
	return inference.Config{Task: c.Task, Classes: classes, ImageH: c.ImageH, ImageW: c.ImageW, Batch: c.Batch,
		Score: c.Score, Overlap: c.Overlap, TopK: c.TopK}
}

// Evaluate predicts and scores the images of ds; progress, if not nil, is called
// after each one, possibly from several goroutines. If ctx ends first, the error
// wraps its cause and the journal holds the finished images.
//
// ds should include images without targets: the official metrics count them, and
// [Upstream] skips them.
func Evaluate(ctx context.Context, ds data.Dataset, p inference.Predictor, c Config, progress func(done, total int)) (*Result, error) {
	if err := c.Check(ds); err != nil {
		return nil, err
	}
	started := time.Now()
	if c.Journal == "" && c.Save != "" {
		c.Journal = filepath.Join(c.Save, journalName)
	}
	e := &evaluation{Config: c, ds: ds, progress: progress, total: ds.Len()}
	if c.Limit > 0 {
		e.total = min(e.total, c.Limit)
	}
	e.folder = predictions.Folder{Dir: c.Save, Task: c.Task, Classes: ds.Classes()}
	var err error
	if e.Save != "" {
		if err := e.folder.Make(); err != nil {
			return nil, fmt.Errorf("eval: %w", err)
		}
	}
	if e.task, err = newTask(c, ds.Classes()); err != nil {
		return nil, err
	}
	if e.journal, err = openJournal(c, e.total, ds.Classes()); err != nil {
		return nil, err
	}
	defer e.journal.close()
	resumed := len(e.journal.records)
	images, err := e.share()
	if err != nil {
		return nil, err
	}
	err = inference.Run(ctx, ds, images, p, c.inference(ds.Classes()), e.score)
	if err := e.exchange(ctx, err); err != nil {
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

// evaluation is the state of [Evaluate].
type evaluation struct {
	Config
	ds       data.Dataset
	task     task
	folder   predictions.Folder // used where Save is not empty
	journal  *journal
	total    int
	mu       sync.Mutex // of journal and progress
	progress func(done, total int)
}

// pending are the images that the journal lacks.
func (e *evaluation) pending() []int {
	var indices []int
	for i := range e.total {
		if !e.journal.done(i) {
			indices = append(indices, i)
		}
	}
	return indices
}

// score turns an image's segmentation into its record, and saves it.
func (e *evaluation) score(r inference.Result) error {
	info := e.ds.Info(r.Index)
	record, err := e.task.score(info, r)
	if err == nil && e.Save != "" {
		record.Prediction, err = e.folder.Write(info, r.Segmentation)
	}
	if err != nil {
		return fmt.Errorf("eval: %s: %w", info.Name, err)
	}
	record.Index, record.ImageID, record.Name = r.Index, info.ImageID, info.Name
	record.W, record.H = r.Sample.Image.W, r.Sample.Image.H
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
