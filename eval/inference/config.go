package inference

import (
	"fmt"
	"slices"

	"eomt/data"
	"eomt/data/transform"
	"eomt/eval/postprocess"
)

// Predictor runs a model: uint8 RGB images [b, H, W, 3] of the configured size
// in, the final prediction out. It is called from one goroutine at a time; [Several] are
// called at the same time.
type Predictor interface {
	Predict(images []uint8, b int) (postprocess.Logits, error)
}

// PredictFunc is a function as a [Predictor].
type PredictFunc func(images []uint8, b int) (postprocess.Logits, error)

// Predict calls f.
func (f PredictFunc) Predict(images []uint8, b int) (postprocess.Logits, error) { return f(images, b) }

// Several are predictors that predict at the same time, such as one on each device.
// They must give the same logits for the same batch.
type Several []Predictor

// Predict predicts with the first.
func (s Several) Predict(images []uint8, b int) (postprocess.Logits, error) {
	return s[0].Predict(images, b)
}

// Source provides images by index. Load is called concurrently; the samples' targets
// are ignored and may be missing.
type Source interface {
	Load(i int) (*data.Sample, error)
}

// Config describes the model's input and output and the post-processing.
type Config struct {
	Task           postprocess.Task
	Classes        []data.Class // that the model predicts, by contiguous index
	ImageH, ImageW int          // the model's input, pixels
	Batch          int          // inputs predicted at once; the last batch is filled up with black
	Score, Overlap float64      // panoptic: see [postprocess.PanopticOptions]
	TopK           int          // instance: detections per image

	// LoadFailed, if not nil, is called with each error of Source.Load, from several
	// goroutines. If it returns nil the image is skipped; otherwise the returned error
	// ends the run.
	LoadFailed func(i int, err error) error
}

// Check reports the first unusable value.
func (c Config) Check() error {
	known := []postprocess.Task{postprocess.TaskPanoptic, postprocess.TaskInstance, postprocess.TaskSemantic}
	switch {
	case !slices.Contains(known, c.Task):
		return fmt.Errorf("inference: task %q: want %s, %s or %s", c.Task, known[0], known[1], known[2])
	case c.ImageH <= 0 || c.ImageW <= 0 || c.Batch <= 0:
		return fmt.Errorf("inference: batches of %d inputs of %d x %d pixels: must be positive", c.Batch, c.ImageW, c.ImageH)
	case c.Task == postprocess.TaskSemantic && c.ImageH != c.ImageW:
		return fmt.Errorf("inference: input of %d x %d pixels: semantic segmentation cuts square windows, so the model's image must be square", c.ImageW, c.ImageH)
	case c.Task == postprocess.TaskInstance && c.TopK <= 0:
		return fmt.Errorf("inference: %d detections per image: must be positive", c.TopK)
	case len(c.Classes) == 0:
		return fmt.Errorf("inference: the model predicts no classes")
	}
	return nil
}

// Inputs fits an image into the model's input (panoptic and instance), or covers it with
// square windows of that size (semantic).
func (c Config) Inputs(img data.RGB) (inputs []data.RGB, p postprocess.Placement) {
	if c.Task == postprocess.TaskSemantic {
		inputs, p.Windows = transform.Windows(img, c.ImageH)
		return inputs, p
	}
	one, g := transform.Fit(img, c.ImageH, c.ImageW)
	return []data.RGB{one}, postprocess.Placement{Fit: g}
}

// Rules are those of post-processing.
func (c Config) Rules() postprocess.Options {
	o := postprocess.Options{Task: c.Task, Score: c.Score, Overlap: c.Overlap, TopK: c.TopK}
	for _, class := range c.Classes {
		o.Stuff = append(o.Stuff, !class.Thing)
	}
	return o
}
