package app

import (
	"fmt"

	"eomt/checkpoints/names"
	"eomt/model"
)

// Architecture is the model that a file's weights are of, at the image size that
// they were made for. It fails where the model cannot compute what the weights
// were trained as.
func Architecture(a names.Architecture) (model.Config, error) {
	c := model.Config{Kind: model.Kind(a.Kind), Width: a.Width, Blocks: a.Blocks, Heads: a.Heads,
		MLPHidden: a.Hidden, SwiGLU: a.SwiGLU, QueryBlocks: a.MaskBlocks, Registers: a.Registers,
		Patch: a.Patch, ImageH: a.Grid[0] * a.Patch, ImageW: a.Grid[1] * a.Patch,
		Queries: a.Queries, Classes: a.Classes, NormEpsilon: a.NormEps}
	switch {
	case a.BackboneOnly():
		return model.Config{}, fmt.Errorf("the weights are of a backbone alone, without queries and heads")
	case a.Upscales != c.ScaleBlocks():
		return model.Config{}, fmt.Errorf("the weights have %d upscaling blocks, patch %d takes %d", a.Upscales, a.Patch, c.ScaleBlocks())
	case a.HeadSiLU:
		return model.Config{}, fmt.Errorf("the weights are for SiLU in mask head and ScaleBlocks, the model computes GELU there")
	case a.Kind == names.DINOv3 && a.RopeTheta != model.RopeTheta:
		return model.Config{}, fmt.Errorf("the rotary base is %g, the model computes %g", a.RopeTheta, model.RopeTheta)
	}
	return c, nil
}
