package configs

import (
	"eomt/data"
	"eomt/data/loader"
	"eomt/data/transform"
	"eomt/losses"
	"eomt/train"
)

// Config is one run: what is trained, on what, how, and how it is evaluated. Each
// component declares its own keys (see schema.go).
type Config struct {
	Name          string        `yaml:"name" doc:"Name of the run; its folder is runs/NAME unless -out says otherwise." default:"the file's name"`
	Task          string        `yaml:"task" doc:"What is segmented." choice:"panoptic instance semantic"`
	Seed          uint64        `yaml:"seed" doc:"Seed of initial values, order of samples, augmentation and drawn points." range:"[0, inf)"`
	Weights       string        `yaml:"weights" doc:"Where parameters start: a path (run, checkpoint, Hugging Face folder, official .bin), dinov2:NAME, dinov3:NAME or hf:OWNER/NAME." default:"random values"`
	NewParameters []string      `yaml:"new_parameters,omitempty,flow" doc:"Prefixes of parameters that start from random values in spite of weights: [class_head.] starts from a whole model with other classes." default:"none"`
	Model         Model         `yaml:"model"`
	Data          Data          `yaml:"data"`
	Loss          losses.Config `yaml:"loss"`
	Train         Train         `yaml:"train"`
	Eval          Eval          `yaml:"eval"`
}

// Model is the network. Width to QueryBlocks and Patch are for size custom only.
type Model struct {
	Size        string  `yaml:"size" doc:"Published size of the backbone (ViT-S, B, L or g), or custom, which the keys from width on describe." choice:"S B L g custom"`
	Network     string  `yaml:"network" doc:"What segments: eomt is the paper's network." choice:"eomt"`
	Backbone    string  `yaml:"backbone" doc:"Kind of ViT." choice:"dinov2 dinov3"`
	Image       [2]int  `yaml:"image,flow" doc:"Height and width of the network's input in pixels, multiples of the patch; square for task semantic." range:"[1, 65536]"`
	Queries     int     `yaml:"queries" doc:"Learned queries: the most segments that one prediction has." range:"[1, 65536]"`
	Width       int     `yaml:"width,omitempty" doc:"Size custom: channels of a token." range:"[0, 65536]" default:"the size's"`
	Blocks      int     `yaml:"blocks,omitempty" doc:"Size custom: transformer blocks." range:"[0, 1024]" default:"the size's"`
	Heads       int     `yaml:"heads,omitempty" doc:"Size custom: attention heads." range:"[0, 65536]" default:"the size's"`
	MLPHidden   int     `yaml:"mlp_hidden,omitempty" doc:"Size custom: hidden channels of a block's MLP." range:"[0, 1048576]" default:"the size's"`
	QueryBlocks int     `yaml:"query_blocks,omitempty" doc:"Size custom: last blocks that process the queries together with the patches." range:"[0, 1024]" default:"the size's"`
	Patch       int     `yaml:"patch,omitempty" doc:"Size custom: side of a patch in pixels." range:"[0, 1024]" default:"the size's, 16"`
	NormEps     float64 `yaml:"norm_eps,omitempty" doc:"Epsilon of the backbone's LayerNorms, for weights that were trained with another." range:"[0, 1]" default:"the backbone's: dinov2 1e-6, dinov3 1e-5"`
	RopeTheta   float64 `yaml:"rope_theta,omitempty" doc:"Backbone dinov3: base of the rotary periods, for weights that were trained with another." range:"[0, inf)" default:"the backbone's, 100"`
	Registers   *int    `yaml:"registers,omitempty" doc:"Register tokens; 0 for a DINOv2 that was trained without." range:"[0, 1024]" default:"the size's, 4; custom: 0"`
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
	Epochs          float64               `yaml:"epochs,omitempty" doc:"Length of the run in passes over the training images; total_steps is the alternative." range:"[0, 1e9]" default:"epochs or total_steps must be stated"`
	TotalSteps      int                   `yaml:"total_steps,omitempty" doc:"Length of the run in steps." range:"[0, 1e12]" default:"from epochs"`
	Optimizer       train.OptimizerConfig `yaml:",inline"`
	Warmup          [2]int                `yaml:"warmup,flow" doc:"Steps over which the learning rate rises: of new parameters, then of the backbone." range:"[0, 1e12]"`
	Annealing       Spans                 `yaml:"annealing,omitempty"`
	Points          int                   `yaml:"points" doc:"Points sampled per mask pair in loss and matching, a multiple of 4." range:"[4, inf)"`
	Precision       string                `yaml:"precision" doc:"Number format of matrix products." choice:"f32 bf16"`
	LogEvery        int                   `yaml:"log_every" doc:"Steps between entries of the log." range:"[1, 1e12]"`
	CheckpointEvery int                   `yaml:"checkpoint_every" doc:"Steps between checkpoints." range:"[1, 1e12]"`
	ValidateEvery   int                   `yaml:"validate_every" doc:"Steps between validations; 0 validates after the last step only." range:"[0, 1e12]"`
	Keep            int                   `yaml:"keep" doc:"Checkpoints kept besides the best." range:"[1, 1e6]"`
}

// Spans are the steps at which each query block's mask annealing starts and ends.
type Spans struct {
	Off   bool  `yaml:"off,omitempty" doc:"Train without masked attention throughout." default:"false"`
	First []int `yaml:"first,omitempty,flow" doc:"Start and end of the first block's annealing where it leaves the published rule, in steps." range:"[0, 1e12]" default:"the published rule"`
	Start []int `yaml:"start,omitempty,flow" doc:"Step at which each query block's annealing starts, in place of the published rule." range:"[0, 1e12]" default:"the published rule"`
	End   []int `yaml:"end,omitempty,flow" doc:"Step at which each query block's annealing ends." range:"[0, 1e12]" default:"the published rule"`
}

// Eval is how predictions become segments.
type Eval struct {
	Batch          int     `yaml:"batch" doc:"Inputs predicted at once." range:"[1, 65536]"`
	ScoreThreshold float64 `yaml:"score_threshold" doc:"Panoptic: queries with a lower class score are dropped." range:"[0, 1]"`
	Overlap        float64 `yaml:"overlap_threshold" doc:"Panoptic: least visible share of a mask that makes a segment." range:"[0, 1]"`
	TopK           int     `yaml:"top_k" doc:"Instance: predictions kept per image." range:"[1, 65536]"`
}

// Default is the published recipe (docs/eomt.md: COCO panoptic at 640 px).
func Default() Config {
	loss := losses.Defaults()
	return Config{
		Task:  "panoptic",
		Model: Model{Network: "eomt", Size: "L", Backbone: "dinov2", Image: [2]int{640, 640}, Queries: 200},
		Data: Data{Format: "coco", EXIF: "ignore", Loader: loader.Config{Batch: 16, OnBadSample: loader.Fail},
			Augment: transform.Settings{Scale: [2]float64{0.1, 2}}},
		Loss: loss,
		Train: Train{Optimizer: train.DefaultOptimizer(),
			Warmup: [2]int{500, 1000}, Points: loss.Points, Precision: "f32",
			LogEvery: 50, CheckpointEvery: 5000, Keep: 2},
		Eval: Eval{Batch: 1, ScoreThreshold: 0.8, Overlap: 0.8, TopK: 100},
	}
}
