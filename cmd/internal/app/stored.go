package app

import (
	"eomt/checkpoints/names"
	"eomt/model"
)

// Stored describes an architecture as checkpoints state it; [Architecture] is
// the way back.
func Stored(m model.Config) names.Architecture {
	a := names.Architecture{Kind: names.Kind(m.Kind), Width: m.Width, Blocks: m.Blocks, Heads: m.Heads,
		Hidden: m.MLPHidden, SwiGLU: m.SwiGLU, Patch: m.Patch, Grid: [2]int{m.GridH(), m.GridW()},
		Registers: m.Registers, Queries: m.Queries, Classes: m.Classes, MaskBlocks: m.QueryBlocks,
		Upscales: m.ScaleBlocks(), NormEps: m.NormEpsilon}
	if m.Kind == model.DINOv3 {
		a.RopeTheta = model.RopeTheta
	}
	return a
}
