package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"eomt/arch"
	"eomt/checkpoints/weights"
	"eomt/configs"
	"eomt/data"
	"eomt/eval/postprocess"
)

// Description is what weights segment, and how.
type Description struct {
	Architecture   arch.Architecture
	Task           postprocess.Task
	Classes        []data.Class // in the order of the class head
	Stated         []data.Class // the same where the weights themselves state it; otherwise nil
	Score, Overlap float64      // panoptic: see [postprocess.PanopticOptions]
	TopK           int          // instance: detections per image
	Precision      string       // number format of activations and products: f32, bf16, or f16 in an ONNX file
	Masked         bool         // attention of queries is masked by their own predictions
	// Assumed has a sentence for each value that nobody states.
	Assumed []string
}

// Describe collects it: from the options, then from the weights, then from the
// configuration that is named or lies in the weights' run folder.
func Describe(stored *weights.Model, o Options) (Description, error) {
	if stored.Architecture.BackboneOnly() {
		return Description{}, errors.New("the weights are of a backbone alone, without queries and heads")
	}
	var c *configs.Config
	var err error
	if o.Architecture == nil || o.Classes == nil || o.Task == "" {
		if c, err = configuration(stored.Path, o.Config); err != nil {
			return Description{}, err
		}
	}
	defaults := configs.Default()
	d := Description{Architecture: stored.Architecture, Stated: stored.Classes, Precision: defaults.Eval.Precision,
		Masked: stored.Architecture.NetworkName() != arch.EoMT || slices.ContainsFunc(stored.MaskProbs, func(p float32) bool { return p > 0 }),
		Score:  defaults.Eval.Score, Overlap: defaults.Eval.Overlap, TopK: defaults.Eval.TopK}
	if c != nil {
		d.Precision = c.Eval.Precision
		d.Score, d.Overlap, d.TopK = c.Eval.Score, c.Eval.Overlap, c.Eval.TopK
		if d.Architecture, err = networkOf(*c, stored.Architecture, o.Config != ""); err != nil {
			return d, err
		}
	}
	if t := stored.Thresholds; t != nil && o.Config == "" {
		d.Score, d.Overlap, d.TopK = t.Score, t.Overlap, t.TopK
	}
	if o.Score != nil {
		d.Score = *o.Score
	}
	if o.Precision != "" {
		d.Precision = o.Precision
	}
	d.task(stored, c, o)
	if o.Architecture != nil {
		d.Architecture = *o.Architecture
	}
	if d.Architecture.Heads == 0 {
		return d, errors.New("the weights do not state their number of attention heads: name a configuration (-config)")
	}
	if d.Architecture.ImageH() == 0 || d.Architecture.ImageW() == 0 {
		return d, errors.New("the weights do not state their image size: name a configuration (-config)")
	}
	if d.Task == postprocess.TaskSemantic && d.Architecture.ImageH() != d.Architecture.ImageW() {
		return d, fmt.Errorf("semantic segmentation needs a model of square images, this one's are %d x %d", d.Architecture.ImageW(), d.Architecture.ImageH())
	}
	return d, d.classes(stored, c, o)
}

// task takes the option's, that of a configuration which the caller names, the
// weights' own, or their run's.
func (d *Description) task(stored *weights.Model, c *configs.Config, o Options) {
	switch {
	case o.Task != "":
		d.Task = o.Task
	case o.Config != "":
		d.Task = postprocess.Task(c.Task)
	case stored.Task != "":
		d.Task = postprocess.Task(stored.Task)
	case c != nil:
		d.Task = postprocess.Task(c.Task)
	default:
		d.Task = postprocess.TaskPanoptic
		d.assume("the weights do not state their task: taken as panoptic (-task or -config names another)")
	}
}

func (d *Description) assume(format string, args ...any) {
	d.Assumed = append(d.Assumed, fmt.Sprintf(format, args...))
}

// configuration reads the file that is named, or the one of the run folder that a
// run, checkpoints or step folder belongs to; nil if there is none.
func configuration(path, named string) (*configs.Config, error) {
	if named == "" {
		named = runConfig(path)
	}
	if named == "" {
		return nil, nil
	}
	c, err := configs.Read(named)
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// networkOf is the network that a configuration describes with the weights' classes
// where the caller names it; the weights must fit it. Otherwise it is the weights',
// of which the configuration says the image size.
func networkOf(c configs.Config, stored arch.Architecture, named bool) (arch.Architecture, error) {
	if named {
		a, err := c.Model.Architecture(stored.Classes)
		a.HeadSiLU = stored.HeadSiLU // which no configuration states
		return a, err
	}
	return stored.ForImage(c.Model.Image[0], c.Model.Image[1])
}

// runConfig is the configuration of the run folder that a folder of weights
// belongs to; empty where there is none. A file of weights belongs to no run.
func runConfig(path string) string {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return ""
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	for _, dir := range []string{path, filepath.Dir(path), filepath.Dir(filepath.Dir(path))} {
		file := filepath.Join(dir, "config.yaml")
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			return file
		}
	}
	return ""
}
