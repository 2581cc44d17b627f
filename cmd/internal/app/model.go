package app

import (
	"eomt/configs"
	"eomt/model"
)

// Model is the architecture that a configuration describes, for data.classes classes.
func Model(c configs.Config) (model.Config, error) {
	m := model.Config{Width: c.Model.Width, Blocks: c.Model.Blocks, Heads: c.Model.Heads,
		MLPHidden: c.Model.MLPHidden, QueryBlocks: c.Model.QueryBlocks, Patch: c.Model.Patch,
		NormEpsilon: 1e-6}
	if c.Model.Size != "custom" {
		var err error
		if m, err = model.Size(c.Model.Size); err != nil {
			return model.Config{}, err
		}
	}
	if c.Model.Registers != nil {
		m.Registers = *c.Model.Registers
	}
	m.Kind = model.Kind(c.Model.Backbone)
	if m.Kind == model.DINOv3 {
		m.NormEpsilon = 1e-5
	}
	m.ImageH, m.ImageW = c.Model.Image[0], c.Model.Image[1]
	m.Queries, m.Classes = c.Model.Queries, c.Data.Classes
	return m, m.Validate()
}
