package app

import (
	"fmt"

	"eomt/configs"
	"eomt/data/formats"
	"eomt/losses"
	"eomt/model"
	"eomt/train"
)

// Resolve fills in all that follows from the data set's counts, and gives the
// architecture with it.
func Resolve(c configs.Config, images, classes int) (configs.Config, model.Config, error) {
	c.Data.Classes = classes
	m, err := Model(c)
	if err != nil {
		return c, m, err
	}
	c = c.Resolve(images, classes, m.QueryBlocks, AnnealingRule)
	if n := len(c.Train.Annealing.Start); !c.Train.Annealing.Off && n != m.QueryBlocks {
		return c, m, &configs.FieldError{File: c.Name, Field: "train.annealing",
			Reason: fmt.Sprintf("%d spans for %d query blocks", n, m.QueryBlocks)}
	}
	return c, m, nil
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
		return 0, 0, &configs.FieldError{File: c.Name, Field: "data.format",
			Reason: fmt.Sprintf("the size of this %s data set is not published: state data.images and data.classes", c.Data.Format)}
	}
	return images, len(table), nil
}

// Rates, Schedule and Optimizer are the recipe's parts as train takes them.
func Rates(c configs.Config) train.Rates {
	return train.Rates{Base: c.Train.LearningRate, LayerDecay: c.Train.LayerDecay, QueryBlocksFull: c.Train.QueryBlocksFullRate}
}

// Schedule is a resolved configuration's.
func Schedule(c configs.Config) train.Schedule {
	s := train.Schedule{Total: c.Train.TotalSteps, WarmupHead: c.Train.Warmup[0], WarmupBackbone: c.Train.Warmup[1]}
	for k := range c.Train.Annealing.Start {
		s.Annealing = append(s.Annealing, train.Anneal{Start: c.Train.Annealing.Start[k], End: c.Train.Annealing.End[k]})
	}
	return s
}

// StepConfig is what a resolved configuration's training step is compiled from.
func StepConfig(c configs.Config, m model.Config) train.StepConfig {
	loss := losses.Defaults()
	loss.Points = c.Train.Points
	return train.StepConfig{Model: m, Loss: loss,
		Optimizer: train.Optimizer{WeightDecay: c.Train.WeightDecay, ClipNorm: c.Train.ClipNorm},
		Rates:     Rates(c), Schedule: Schedule(c), BatchSize: c.Data.Batch, Seed: c.Seed, MatMul: MatMul(c.Train.Precision)}
}
