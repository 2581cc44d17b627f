package experiment

import (
	"eomt/arch"
	"eomt/configs"
)

// Architecture is the network that a configuration describes, for data.classes classes.
func Architecture(c configs.Config) (arch.Architecture, error) {
	m := c.Model
	a := arch.Architecture{Width: m.Width, Blocks: m.Blocks, Heads: m.Heads, Hidden: m.MLPHidden,
		MaskBlocks: m.QueryBlocks}.ForPatch(m.Patch)
	if m.Size != "custom" {
		var err error
		if a, err = arch.Size(m.Size); err != nil {
			return arch.Architecture{}, err
		}
	}
	if m.Registers != nil {
		a.Registers = *m.Registers
	}
	a = a.ForKind(arch.Kind(m.Backbone))
	if m.NormEps != 0 {
		a.NormEps = m.NormEps
	}
	if m.RopeTheta != 0 {
		a.RopeTheta = m.RopeTheta
	}
	a.Network, a.Queries, a.Classes = m.Network, m.Queries, c.Data.Classes
	a, err := a.ForImage(m.Image[0], m.Image[1])
	if err != nil {
		return a, err
	}
	return a, a.Validate()
}
