package experiment

import (
	"github.com/gomlx/compute/dtypes"

	"eomt/configs"
	"eomt/model"
	"eomt/train"
)

// Schedule is a resolved configuration's.
func Schedule(c configs.Resolved) train.Schedule {
	s := train.Schedule{Total: c.Derived.Steps, WarmupHead: c.Train.Warmup[0], WarmupBackbone: c.Train.Warmup[1]}
	spans := c.Derived.Annealing
	for k := range spans.Start {
		s.Annealing = append(s.Annealing, train.Anneal{Start: spans.Start[k], End: spans.End[k]})
	}
	return s
}

// StepConfig is what a resolved configuration's training step is compiled from.
func StepConfig(c configs.Resolved, n model.Network) train.StepConfig {
	loss := c.Loss
	loss.Points = c.Train.Points
	return train.StepConfig{Network: n, Loss: loss,
		Optimizer: c.Train.Optimizer, Schedule: Schedule(c), BatchSize: c.Data.Loader.Batch, Seed: c.Seed, MatMul: MatMul(c.Train.Precision)}
}

// MatMul is the dtype of matrix products that a configuration's precision asks for.
func MatMul(precision string) dtypes.DType {
	if precision == "bf16" {
		return dtypes.BFloat16
	}
	return dtypes.Float32
}
