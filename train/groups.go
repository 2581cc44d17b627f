package train

import (
	"math"

	"eomt/arch"
)

// The schedules that a group's learning rate may follow: factors over the steps.
const (
	scheduleBackbone = "backbone" // [Schedule.BackboneRate]
	scheduleHead     = "head"     // [Schedule.HeadRate]
)

// schedules lists them in the order in which the step takes their rates.
var schedules = []string{scheduleBackbone, scheduleHead}

// Group is how one parameter is trained. Its learning rate is the recipe's, times
// Multiplier, times the factor of its schedule.
type Group struct {
	Frozen      bool   // no gradient, no slots: the value stays
	Schedule    string // "backbone" or "head"
	Multiplier  float64
	WeightDecay float64
}

// Groups returns the group of each parameter of a, in order. Block i gets
// LayerDecay^(blocks-1-i); tokens and embeddings get block 0's rate, the backbone's
// final norm the full one. With low-rank factors the backbone is frozen.
// Source: configure_optimizers in training/lightning_module.py.
func Groups(a arch.Architecture, c OptimizerConfig) []Group {
	parameters := a.Parameters()
	groups := make([]Group, len(parameters))
	for i, p := range parameters {
		g := Group{Schedule: scheduleBackbone, Multiplier: 1, WeightDecay: c.WeightDecay}
		switch p.Part {
		case arch.PartHead, arch.PartLoRA:
			g.Schedule = scheduleHead
		case arch.PartEmbedding:
			g.Multiplier = c.blockMultiplier(a, 0)
		case arch.PartBlock:
			g.Multiplier = c.blockMultiplier(a, p.Block)
		}
		g.Frozen = a.LoRA.Rank > 0 && g.Schedule == scheduleBackbone
		groups[i] = g
	}
	return groups
}

// Trained counts the elements of the parameters that are not frozen, and of all.
func Trained(a arch.Architecture, groups []Group) (trained, total int) {
	for i, p := range a.Parameters() {
		total += p.Size()
		if !groups[i].Frozen {
			trained += p.Size()
		}
	}
	return trained, total
}

func (c OptimizerConfig) blockMultiplier(a arch.Architecture, block int) float64 {
	if c.QueryBlocksFullRate && block >= a.FirstQueryBlock() {
		return 1
	}
	return math.Pow(c.LayerDecay, float64(a.Blocks-1-block))
}
