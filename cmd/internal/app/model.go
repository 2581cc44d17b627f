package app

import (
	"eomt/configs"
	"eomt/model"
	"eomt/train"
)

// Model is the architecture that a configuration with resolved classes describes.
func Model(c configs.Config) (model.Config, error) {
	m := model.Config{Width: c.Model.Width, Blocks: c.Model.Blocks, Heads: c.Model.Heads,
		MLPHidden: c.Model.MLPHidden, QueryBlocks: c.Model.QueryBlocks, Patch: c.Model.Patch,
		Registers: c.Model.Registers, NormEpsilon: 1e-6}
	if c.Model.Size != "custom" {
		var err error
		if m, err = model.Size(c.Model.Size); err != nil {
			return model.Config{}, err
		}
	}
	m.Kind = model.Kind(c.Model.Backbone)
	if m.Kind == model.DINOv3 {
		m.NormEpsilon = 1e-5
	}
	m.ImageH, m.ImageW = c.Model.Image[0], c.Model.Image[1]
	m.Queries, m.Classes = c.Model.Queries, c.Data.Classes
	return m, m.Validate()
}

// AnnealingRule is the published rule in the form that configs takes.
func AnnealingRule(total, queryBlocks int) (start, end []int) {
	for _, span := range train.AnnealingRule(total, queryBlocks) {
		start, end = append(start, span.Start), append(end, span.End)
	}
	return start, end
}
