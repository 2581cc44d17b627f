package train

import (
	"fmt"
	"slices"
	"strings"

	"eomt/arch"
)

// LoRAConfig configures low-rank adaptation, with its keys of the section train.lora.
type LoRAConfig struct {
	Rank    int      `yaml:"rank" doc:"Rank of the factors that LoRA trains in place of the backbone, which is frozen; queries and heads are trained unless train.freeze names them. 0 is no LoRA." range:"[0, 65536]"`
	Alpha   float64  `yaml:"alpha,omitempty" doc:"Scale of the factors: their product acts times alpha/rank." range:"[0, inf)" default:"the rank"`
	Targets []string `yaml:"targets,omitempty,flow" doc:"Linear maps of each block that have factors: q, k, v and proj of the attention, fc1 and fc2 of the MLP." default:"all six"`
}

// Adapt gives a network the factors that c asks for. The error names the key of the
// section train.
func (c LoRAConfig) Adapt(a arch.Architecture) (arch.Architecture, error) {
	if c.Rank == 0 {
		return a, nil
	}
	for _, target := range c.Targets {
		if !slices.Contains(arch.LoRATargets, target) {
			return a, fmt.Errorf("train.lora.targets: %q is none of %s", target, strings.Join(arch.LoRATargets, ", "))
		}
	}
	if c.Rank > a.Width {
		return a, fmt.Errorf("train.lora.rank: %d is more than the width of the network, %d", c.Rank, a.Width)
	}
	a.LoRA = arch.LoRA{Rank: c.Rank, Alpha: c.Alpha}
	if c.Alpha == 0 {
		a.LoRA.Alpha = float64(c.Rank)
	}
	var targets []string
	for _, target := range arch.LoRATargets {
		if len(c.Targets) == 0 || slices.Contains(c.Targets, target) {
			targets = append(targets, target)
		}
	}
	a.LoRA.Targets = strings.Join(targets, " ")
	return a, nil
}
