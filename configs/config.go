package configs

import (
	"eomt/arch"
	"eomt/data"
	"eomt/data/loader"
	"eomt/data/transform"
	"eomt/eval"
	"eomt/losses"
	"eomt/train"
)

// Config describes one run: network, data, training and evaluation. Each component
// declares its own keys (see schema.go).
type Config struct {
	Name           string        `yaml:"name" doc:"Name of the run; its folder is runs/NAME unless -out says otherwise." default:"the file's name"`
	Task           string        `yaml:"task" doc:"What is segmented." choice:"panoptic instance semantic"`
	Seed           uint64        `yaml:"seed" doc:"Seed of initial values, order of samples, augmentation and drawn points." range:"[0, inf)"`
	Weights        string        `yaml:"weights" doc:"Where parameters start: a path (run, checkpoint, Hugging Face folder, official .bin), dinov2:NAME, dinov3:NAME or hf:OWNER/NAME." default:"random values"`
	DecoderWeights string        `yaml:"decoder_weights,omitempty" doc:"Networks with a pixel decoder: where pixel decoder, Transformer decoder and heads start, a Hugging Face folder of a Mask2Former or hf:OWNER/NAME; weights then names a backbone's. Projections of maps of another width and a class head of other classes start from random values." default:"random values"`
	NewParameters  []string      `yaml:"new_parameters,omitempty,flow" doc:"Prefixes of parameters that start from random values in spite of weights: [class_head.] starts from a whole model with other classes." default:"none"`
	Model          arch.Settings `yaml:"model"`
	Data           Data          `yaml:"data"`
	Loss           losses.Config `yaml:"loss"`
	Train          Train         `yaml:"train"`
	Eval           eval.Config   `yaml:"eval"`
}

// Data is the data set and how it is fed.
type Data struct {
	Format  string             `yaml:"format" doc:"Format of the data set; docs/data.md describes each."`
	Root    string             `yaml:"root" doc:"Folder of the data set; a relative path is relative to the current directory." default:"must be stated"`
	Images  int                `yaml:"images,omitempty" doc:"Images of the training split, for -print-config where neither the data set is at hand nor its size published; an open data set tells its own." range:"[0, inf)" default:"the data set's"`
	Classes int                `yaml:"classes,omitempty" doc:"Classes, for -print-config as images." range:"[0, inf)" default:"the data set's"`
	Loader  loader.Config      `yaml:",inline"`
	Augment transform.Settings `yaml:",inline"`
	EXIF    string             `yaml:"exif" doc:"Orientation that photographs state: ignore reads pixels as they are stored, apply turns them upright; docs/data.md says which is right." choice:"ignore apply"`
	Shapes  *data.Shapes       `yaml:"shapes,omitempty"`
	Train   data.Files         `yaml:"train,omitempty"`
	Val     data.Files         `yaml:"val,omitempty"`
}

// Train is the recipe.
type Train struct {
	Schedule   train.ScheduleConfig  `yaml:",inline"`
	Optimizer  train.OptimizerConfig `yaml:",inline"`
	FineTune   train.FineTuneConfig  `yaml:",inline"`
	Points     int                   `yaml:"points" doc:"Points sampled per mask pair in loss and matching, a multiple of 4." range:"[4, inf)"`
	Precision  string                `yaml:"precision" doc:"Number format of activations and matrix products; parameters, moments, norms, softmax and losses are f32 with both (docs/precision.md)." choice:"f32 bf16"`
	Remat      string                `yaml:"remat" doc:"What the backward pass computes again to save memory: blocks keeps of each block its input only; auto does so where the step takes more memory than its device has without, as the backend's compiler reports it when the run starts, or where the device does not say what it has." choice:"none blocks auto"`
	Accumulate int                   `yaml:"accumulate" doc:"Equal shares that a step splits its batch into and computes one after the other before it updates: activations take memory for one share only; gradient, losses and schedules stay those of the whole batch; batch normalisation takes the statistics of a share. data.batch must be a multiple of it." range:"[1, 1048576]"`
	Devices    train.DevicesConfig   `yaml:",inline"`
	Fit        string                `yaml:"fit,omitempty" doc:"Memory of a device that a step has to fit in, such as 24GiB: the smallest train.accumulate from the stated one on that does is derived at the start, and train.remat=blocks where none does without. It needs a backend whose compiler reports memory (xla). Without it nothing is derived." default:"not stated"`
	Run        train.RunConfig       `yaml:",inline"`
}

// Default is the published recipe (docs/eomt.md: COCO panoptic at 640 px).
func Default() Config {
	loss := losses.Defaults()
	return Config{
		Task:  "panoptic",
		Model: arch.DefaultSettings(),
		Data: Data{Format: "coco", EXIF: "ignore", Loader: loader.Config{Batch: 16, OnBadSample: loader.Fail, Sampling: loader.Uniform, Threshold: 0.001},
			Augment: transform.Settings{Scale: [2]float64{0.1, 2}}},
		Loss: loss,
		Train: Train{Schedule: train.DefaultSchedule(), Optimizer: train.DefaultOptimizer(),
			Points: loss.Points, Precision: "f32", Remat: "none", Accumulate: 1, Devices: train.DefaultDevices(), Run: train.DefaultRun()},
		Eval: eval.Defaults(),
	}
}
