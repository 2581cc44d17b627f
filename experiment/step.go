package experiment

import (
	"github.com/gomlx/compute/dtypes"

	"eomt/configs"
	"eomt/model"
	"eomt/train"
)

// Rates are a configuration's learning rates.
func Rates(c configs.Config) train.Rates {
	return train.Rates{Base: c.Train.LearningRate, LayerDecay: c.Train.LayerDecay, QueryBlocksFull: c.Train.QueryBlocksFullRate}
}

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
		Optimizer: train.Optimizer{WeightDecay: c.Train.WeightDecay, ClipNorm: c.Train.ClipNorm},
		Rates:     Rates(c.Config), Schedule: Schedule(c), BatchSize: c.Data.Loader.Batch, Seed: c.Seed, MatMul: MatMul(c.Train.Precision)}
}

// MatMul is the dtype of matrix products that a configuration's precision asks for.
func MatMul(precision string) dtypes.DType {
	if precision == "bf16" {
		return dtypes.BFloat16
	}
	return dtypes.Float32
}
