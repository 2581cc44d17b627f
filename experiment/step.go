package experiment

import (
	"github.com/gomlx/compute/dtypes"

	"eomt/configs"
	"eomt/model"
	"eomt/train"
)

// StepConfig is what a resolved configuration's training step is compiled from.
func StepConfig(c configs.Resolved, n model.Network) train.StepConfig {
	loss := c.Loss
	loss.Points = c.Train.Points
	return train.StepConfig{Network: n, Loss: loss,
		Optimizer: c.Train.Optimizer, FineTune: c.Train.FineTune, Schedule: schedule(c),
		BatchSize: c.Data.Loader.Batch, Accumulate: c.Shares(), ShardOptimizer: c.Train.Devices.ShardOptimizer, Seed: c.Seed,
		Precision: Precision(c.Train.Precision), Remat: model.Remat(c.Remat())}
}

// Precision is the dtype that a configuration's precision names.
func Precision(precision string) dtypes.DType {
	if precision == "bf16" {
		return dtypes.BFloat16
	}
	return dtypes.Float32
}

// schedule is that of a resolved configuration's run.
func schedule(c configs.Resolved) train.Schedule {
	return c.Train.Schedule.Schedule(c.Derived.Steps, c.Derived.Annealing)
}
