package train

import (
	"math"

	"eomt/arch"
)

// Rates says how parameters' learning rates differ (docs/eomt.md section 3).
type Rates struct {
	Base            float64 // the rate of what is new
	LayerDecay      float64 // LLRD: factor per block towards the input; 1 is none
	QueryBlocksFull bool    // query blocks at the full rate (llrd_l2_enabled: False)
}

// Group is a parameter's learning rate: Base times Multiplier times the
// schedule's factor for the backbone or for what is new.
type Group struct {
	Backbone   bool
	Multiplier float64
}

// Groups gives the group of every parameter of a, in their order. Block i gets
// LayerDecay^(blocks-1-i); tokens and embeddings take block 0's rate, the
// backbone's final norm the full one.
// Source: configure_optimizers in training/lightning_module.py.
func Groups(a arch.Architecture, r Rates) []Group {
	parameters := a.Parameters()
	groups := make([]Group, len(parameters))
	for i, p := range parameters {
		g := Group{Backbone: p.Part != arch.PartHead, Multiplier: 1}
		switch p.Part {
		case arch.PartEmbedding:
			g.Multiplier = r.blockMultiplier(a, 0)
		case arch.PartBlock:
			g.Multiplier = r.blockMultiplier(a, p.Block)
		}
		groups[i] = g
	}
	return groups
}

func (r Rates) blockMultiplier(a arch.Architecture, block int) float64 {
	if r.QueryBlocksFull && block >= a.FirstQueryBlock() {
		return 1
	}
	return math.Pow(r.LayerDecay, float64(a.Blocks-1-block))
}
