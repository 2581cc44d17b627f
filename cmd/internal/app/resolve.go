package app

import (
	"fmt"

	"eomt/arch"
	"eomt/configs"
	"eomt/data/formats"
	"eomt/model"
	"eomt/train"
)

// Resolve fills in all that follows from the data set's counts, and gives the
// architecture with it.
func Resolve(c configs.Config, images, classes int) (configs.Resolved, arch.Architecture, error) {
	network := c
	network.Data.Classes = classes
	a, err := Model(network)
	if err != nil {
		return configs.Resolved{}, a, err
	}
	r, err := c.Resolve(images, classes, a.MaskBlocks)
	return r, a, err
}

// Counts are the training images and classes of the configured data set as its
// authors publish them, for use where the archives are not at hand.
func Counts(c configs.Config) (images, classes int, err error) {
	if c.Data.Images > 0 && c.Data.Classes > 0 {
		return c.Data.Images, c.Data.Classes, nil
	}
	format, err := formats.Named(c.Data.Format)
	if err != nil {
		return 0, 0, err
	}
	images, table, ok := format.Published(openOptions(c, "train"))
	if !ok {
		return 0, 0, &configs.FieldError{Source: c.Name, Field: "data.format",
			Reason: fmt.Sprintf("the size of this %s data set is not published: state data.images and data.classes", c.Data.Format)}
	}
	return images, len(table), nil
}

// Rates, Schedule and Optimizer are the recipe's parts as train takes them.
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
