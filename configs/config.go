package configs

import "eomt/data"

// Config is one run: what is trained, on what, how, and how it is evaluated.
type Config struct {
	Name    string `yaml:"name"`
	Task    string `yaml:"task"` // panoptic, instance or semantic
	Seed    uint64 `yaml:"seed"`
	Weights string `yaml:"weights"` // where to start: a path, dinov2:NAME, hf:OWNER/NAME, or empty for random
	// NewParameters are prefixes of parameter names that start anew instead of from
	// weights: [class_head.] to go on from a whole model with other classes.
	NewParameters []string `yaml:"new_parameters,omitempty,flow"`
	Model         Model    `yaml:"model"`
	Data          Data     `yaml:"data"`
	Train         Train    `yaml:"train"`
	Eval          Eval     `yaml:"eval"`
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
	Format      string       `yaml:"format"` // a name of package formats
	Root        string       `yaml:"root"`
	Images      int          `yaml:"images,omitempty"`  // of the training split; derived
	Classes     int          `yaml:"classes,omitempty"` // derived
	Batch       int          `yaml:"batch"`
	Workers     int          `yaml:"workers"` // decoding goroutines; 0 is one a core
	Scale       [2]float64   `yaml:"scale,flow"`
	ColorJitter bool         `yaml:"color_jitter"`
	KeepEmpty   bool         `yaml:"keep_empty"`    // keep images without annotations in training
	OnBadSample string       `yaml:"on_bad_sample"` // fail or skip
	Shapes      *data.Shapes `yaml:"shapes,omitempty"`
	Train       data.Files   `yaml:"train,omitempty"` // format coco: where data of one's own lies
	Val         data.Files   `yaml:"val,omitempty"`
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
	Off   bool  `yaml:"off,omitempty"`        // train without masks throughout
	First []int `yaml:"first,omitempty,flow"` // start and end of the first block where it leaves the rule
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

// Default is the published recipe (docs/eomt.md section 3: COCO panoptic at 640 px).
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
