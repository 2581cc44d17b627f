package configs

import (
	"fmt"
	"math"
	"slices"
)

// Config is one run: what is trained, on what, how, and how it is evaluated.
type Config struct {
	Name    string `yaml:"name"`
	Task    string `yaml:"task"` // panoptic, instance or semantic
	Seed    uint64 `yaml:"seed"`
	Weights string `yaml:"weights"` // where to start: a path, dinov2:NAME, hf:OWNER/NAME, or empty for random
	Model   Model  `yaml:"model"`
	Data    Data   `yaml:"data"`
	Train   Train  `yaml:"train"`
	Eval    Eval   `yaml:"eval"`
}

// Model is the architecture. Width to Registers are read for size custom only.
type Model struct {
	Size        string `yaml:"size"`     // S, B, L, g or custom
	Backbone    string `yaml:"backbone"` // dinov2 or dinov3
	Image       [2]int `yaml:"image,flow"`
	Queries     int    `yaml:"queries"`
	Width       int    `yaml:"width,omitempty"`
	Blocks      int    `yaml:"blocks,omitempty"`
	Heads       int    `yaml:"heads,omitempty"`
	MLPHidden   int    `yaml:"mlp_hidden,omitempty"`
	QueryBlocks int    `yaml:"query_blocks,omitempty"`
	Patch       int    `yaml:"patch,omitempty"`
	Registers   int    `yaml:"registers,omitempty"`
}

// Data is the data set and how it is fed.
type Data struct {
	Format      string     `yaml:"format"` // coco, ade20k, cityscapes, folder or shapes
	Root        string     `yaml:"root"`
	Images      int        `yaml:"images,omitempty"`  // of the training split; derived
	Classes     int        `yaml:"classes,omitempty"` // derived
	Batch       int        `yaml:"batch"`
	Workers     int        `yaml:"workers"` // decoding goroutines; 0 is one a core
	Scale       [2]float64 `yaml:"scale,flow"`
	ColorJitter bool       `yaml:"color_jitter"`
	KeepEmpty   bool       `yaml:"keep_empty"`    // keep images without annotations in training
	OnBadSample string     `yaml:"on_bad_sample"` // fail or skip
	Shapes      *Shapes    `yaml:"shapes,omitempty"`
	Train       Files      `yaml:"train,omitempty"` // format coco: where data of one's own lies
	Val         Files      `yaml:"val,omitempty"`
}

// Files say where a split of COCO-format data lies, below root or absolute, where it
// is not COCO 2017's own layout. Paths may lead through zips: a.zip/images.
type Files struct {
	Images      string `yaml:"images,omitempty"`      // folder of the images
	Annotations string `yaml:"annotations,omitempty"` // the JSON file
	Masks       string `yaml:"masks,omitempty"`       // panoptic: folder of the label maps
}

// Shapes is what is generated where format is shapes and root is missing.
type Shapes struct {
	Train int    `yaml:"train"`
	Val   int    `yaml:"val"`
	Size  int    `yaml:"size"` // pixels a side
	Seed  uint64 `yaml:"seed"`
}

// Train is the recipe.
type Train struct {
	Epochs              float64 `yaml:"epochs,omitempty"`
	TotalSteps          int     `yaml:"total_steps,omitempty"` // derived from epochs
	LearningRate        float64 `yaml:"lr"`
	WeightDecay         float64 `yaml:"weight_decay"`
	LayerDecay          float64 `yaml:"layer_decay"`
	QueryBlocksFullRate bool    `yaml:"query_blocks_full_rate"`
	ClipNorm            float64 `yaml:"clip_norm"`
	Warmup              [2]int  `yaml:"warmup,flow"`         // steps: new parameters, then the backbone
	Annealing           Spans   `yaml:"annealing,omitempty"` // derived
	Points              int     `yaml:"points"`              // sampled for each mask
	Precision           string  `yaml:"precision"`           // f32 or bf16 matrix products
	LogEvery            int     `yaml:"log_every"`
	CheckpointEvery     int     `yaml:"checkpoint_every"`
	ValidateEvery       int     `yaml:"validate_every"` // 0: at the end only
	Keep                int     `yaml:"keep"`           // checkpoints kept besides the best
}

// Spans are the steps at which each query block's mask annealing starts and ends.
type Spans struct {
	Off   bool  `yaml:"off,omitempty"` // train without masks throughout
	Start []int `yaml:"start,omitempty,flow"`
	End   []int `yaml:"end,omitempty,flow"`
}

// Eval is how predictions become segments.
type Eval struct {
	Batch          int     `yaml:"batch"`
	ScoreThreshold float64 `yaml:"score_threshold"`   // panoptic: keep queries above
	Overlap        float64 `yaml:"overlap_threshold"` // panoptic: visible share to keep a segment
	TopK           int     `yaml:"top_k"`             // instance: predictions an image
}

// Default is the published recipe (EOMT.md section 3: COCO panoptic at 640 px).
func Default() Config {
	return Config{
		Task:  "panoptic",
		Model: Model{Size: "L", Backbone: "dinov2", Image: [2]int{640, 640}, Queries: 200},
		Data:  Data{Format: "coco", Batch: 16, Scale: [2]float64{0.1, 2}, OnBadSample: "fail"},
		Train: Train{LearningRate: 1e-4, WeightDecay: 0.05, LayerDecay: 0.8, ClipNorm: 0.01,
			Warmup: [2]int{500, 1000}, Points: 12544, Precision: "f32",
			LogEvery: 50, CheckpointEvery: 5000, Keep: 2},
		Eval: Eval{Batch: 1, ScoreThreshold: 0.8, Overlap: 0.8, TopK: 100},
	}
}

// FieldError is a value that cannot be used.
type FieldError struct {
	File   string
	Field  string // dotted, as -set takes it
	Reason string
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("%s: %s: %s", e.File, e.Field, e.Reason)
}

// validate reports the first unusable value.
func (c Config) validate(file string) error {
	fail := func(field, format string, args ...any) error {
		return &FieldError{File: file, Field: field, Reason: fmt.Sprintf(format, args...)}
	}
	oneOf := func(field, value string, allowed ...string) error {
		if slices.Contains(allowed, value) {
			return nil
		}
		return fail(field, "%q is none of %q", value, allowed)
	}
	for _, err := range []error{
		oneOf("task", c.Task, "panoptic", "instance", "semantic"),
		oneOf("model.size", c.Model.Size, "S", "B", "L", "g", "custom"),
		oneOf("model.backbone", c.Model.Backbone, "dinov2", "dinov3"),
		oneOf("data.format", c.Data.Format, "coco", "ade20k", "cityscapes", "folder", "shapes"),
		oneOf("data.on_bad_sample", c.Data.OnBadSample, "fail", "skip"),
		oneOf("train.precision", c.Train.Precision, "f32", "bf16"),
	} {
		if err != nil {
			return err
		}
	}
	for field, value := range map[string]int{"data.batch": c.Data.Batch, "train.points": c.Train.Points,
		"train.log_every": c.Train.LogEvery, "train.checkpoint_every": c.Train.CheckpointEvery,
		"train.keep": c.Train.Keep, "eval.batch": c.Eval.Batch, "model.queries": c.Model.Queries} {
		if value < 1 {
			return fail(field, "%d must be at least 1", value)
		}
	}
	for field, value := range map[string]float64{"train.lr": c.Train.LearningRate, "train.layer_decay": c.Train.LayerDecay} {
		if !(value > 0) || math.IsInf(value, 0) {
			return fail(field, "%v must be a positive number", value)
		}
	}
	t := c.Train
	switch {
	case !(c.Data.Scale[0] > 0 && c.Data.Scale[0] <= c.Data.Scale[1]):
		return fail("data.scale", "%v must be two positive numbers in ascending order", c.Data.Scale)
	case t.Epochs <= 0 && t.TotalSteps <= 0:
		return fail("train.epochs", "state train.epochs or train.total_steps")
	case t.Points%4 != 0:
		return fail("train.points", "%d must be a multiple of 4: a quarter of the points is drawn afresh", t.Points)
	case t.Warmup[0] < 0 || t.Warmup[1] < 0:
		return fail("train.warmup", "%v must not be negative", t.Warmup)
	case len(t.Annealing.Start) != len(t.Annealing.End):
		return fail("train.annealing", "%d starts but %d ends", len(t.Annealing.Start), len(t.Annealing.End))
	case c.Data.Root == "":
		return fail("data.root", "state the folder of the data set")
	}
	return nil
}
