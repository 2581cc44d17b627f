package checkpoints

import (
	"eomt/arch"
	"eomt/checkpoints/tensor"
	"eomt/data"
)

// Snapshot is everything that a run needs to resume as if uninterrupted.
type Snapshot struct {
	State  State
	Params []tensor.Tensor // the network's parameters and buffers, by name
	// Slots are what the optimizer keeps for each parameter, under the parameters'
	// names: AdamW's moments in slots "first" and "second", the parameters' moving
	// average in [AverageSlot]. A slot's name has no dot.
	Slots map[string][]tensor.Tensor
}

// AverageSlot is the slot of the moving averages that evaluation takes in place of the
// parameters. It has a file of its own, so that evaluation need not read the others.
const AverageSlot = "ema"

// State is what a checkpoint holds besides tensors. Step counts the finished
// optimiser steps, so it is also the step that a resumed run does next.
type State struct {
	Step         int                `json:"step"`
	Epoch        int                `json:"epoch"`
	Position     int                `json:"position"` // samples of the epoch already used
	Seed         uint64             `json:"seed"`
	RNG          []uint64           `json:"rng,omitempty"` // state of the random generator, as its owner encodes it
	ConfigHash   string             `json:"config_hash,omitempty"`
	Architecture *arch.Architecture `json:"architecture,omitempty"`
	MaskProbs    []float32          `json:"mask_probs,omitempty"` // of masking, per block that sees the queries; empty means 0
	Task         string             `json:"task,omitempty"`       // panoptic, instance or semantic
	Classes      []data.Class       `json:"classes,omitempty"`    // in the order of the class head
	Thresholds   *Thresholds        `json:"thresholds,omitempty"` // by which predictions became segments
	Labels       []string           `json:"labels,omitempty"`     // names of the classes if nothing else is known about them
	Best         *Metric            `json:"best,omitempty"`       // best validation result so far
}

// Thresholds are the settings by which predictions become segments.
type Thresholds struct {
	Score   float64 `json:"score"`   // panoptic: least score of a query
	Overlap float64 `json:"overlap"` // panoptic: least visible share of a segment
	TopK    int     `json:"top_k"`   // instance: predictions per image
}

// Metric is a validation result and the step it was measured at.
type Metric struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Step  int     `json:"step"`
	// Images is how many of the first validation images were evaluated; 0 is all.
	Images int `json:"images,omitempty"`
}

// The files of a checkpoint folder.
const (
	paramsFile    = "params.safetensors"
	averageFile   = AverageSlot + ".safetensors" // where there are averages
	optimizerFile = "optimizer.safetensors"
	stateFile     = "state.json"
	sumsFile      = "SHA256SUMS"
)

// The links beside the step folders.
const (
	Latest = "latest"
	Best   = "best"
)
