package configs

import (
	"fmt"
	"math"
	"slices"

	"eomt/data"
	"eomt/data/formats"
)

// FieldError is a value that cannot be used.
type FieldError struct {
	File   string
	Field  string // dotted, as -set takes it
	Reason string
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("%s: %s: %s", e.File, e.Field, e.Reason)
}

// validate reports the first unusable value; file is named in the error.
func (c Config) validate(file string) error {
	for _, check := range []func() *FieldError{c.checkChoices, c.checkNumbers, c.checkRelations} {
		if err := check(); err != nil {
			err.File = file
			return err
		}
	}
	return nil
}

func fail(field, format string, args ...any) *FieldError {
	return &FieldError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

func (c Config) checkChoices() *FieldError {
	for _, choice := range []struct {
		field, value string
		allowed      []string
	}{
		{"task", c.Task, []string{"panoptic", "instance", "semantic"}},
		{"model.size", c.Model.Size, []string{"S", "B", "L", "g", "custom"}},
		{"model.backbone", c.Model.Backbone, []string{"dinov2", "dinov3"}},
		{"data.on_bad_sample", c.Data.OnBadSample, []string{"fail", "skip"}},
		{"train.precision", c.Train.Precision, []string{"f32", "bf16"}},
	} {
		if !slices.Contains(choice.allowed, choice.value) {
			return fail(choice.field, "%q is none of %q", choice.value, choice.allowed)
		}
	}
	return c.checkFormat()
}

// checkFormat refuses a task that the format has no targets for, and keys that it
// does not read.
func (c Config) checkFormat() *FieldError {
	format, err := formats.Named(c.Data.Format)
	if err != nil {
		return fail("data.format", "%v", err)
	}
	if !slices.Contains(format.Tasks, c.Task) {
		return fail("task", "%q: data.format %s has targets for %q", c.Task, format.Name, format.Tasks)
	}
	for _, key := range []struct {
		name  string
		given bool
	}{
		{"train", c.Data.Train != data.Files{}},
		{"val", c.Data.Val != data.Files{}},
		{"shapes", c.Data.Shapes != nil},
	} {
		if key.given && !slices.Contains(format.Keys, key.name) {
			return fail("data."+key.name, "has no effect with data.format %s: leave it out", format.Name)
		}
	}
	return nil
}

func (c Config) checkNumbers() *FieldError {
	for _, number := range []struct {
		field string
		value float64
		least float64
	}{
		{"model.queries", float64(c.Model.Queries), 1},
		{"data.batch", float64(c.Data.Batch), 1},
		{"data.workers", float64(c.Data.Workers), 0},
		{"train.epochs", c.Train.Epochs, 0},
		{"train.total_steps", float64(c.Train.TotalSteps), 0},
		{"train.weight_decay", c.Train.WeightDecay, 0},
		{"train.clip_norm", c.Train.ClipNorm, 0},
		{"train.warmup", float64(min(c.Train.Warmup[0], c.Train.Warmup[1])), 0},
		{"train.points", float64(c.Train.Points), 1},
		{"train.log_every", float64(c.Train.LogEvery), 1},
		{"train.checkpoint_every", float64(c.Train.CheckpointEvery), 1},
		{"train.validate_every", float64(c.Train.ValidateEvery), 0},
		{"train.keep", float64(c.Train.Keep), 1},
		{"eval.batch", float64(c.Eval.Batch), 1},
	} {
		if !(number.value >= number.least) || math.IsInf(number.value, 0) {
			return fail(number.field, "%v must be a number of at least %v", number.value, number.least)
		}
	}
	for _, rate := range []struct {
		field string
		value float64
	}{{"train.lr", c.Train.LearningRate}, {"train.layer_decay", c.Train.LayerDecay}} {
		if !(rate.value > 0) || math.IsInf(rate.value, 0) {
			return fail(rate.field, "%v must be a positive number", rate.value)
		}
	}
	return nil
}

func (c Config) checkRelations() *FieldError {
	t := c.Train
	switch {
	case c.Data.Root == "":
		return fail("data.root", "state the folder of the data set")
	case !(c.Data.Scale[0] > 0 && c.Data.Scale[0] <= c.Data.Scale[1]) || math.IsInf(c.Data.Scale[1], 0):
		return fail("data.scale", "%v must be two positive numbers in ascending order", c.Data.Scale)
	case t.Epochs == 0 && t.TotalSteps == 0:
		return fail("train.epochs", "state train.epochs or train.total_steps")
	case t.Points%4 != 0:
		return fail("train.points", "%d must be a multiple of 4: a quarter of the points is drawn afresh", t.Points)
	case c.Weights == "" && len(c.NewParameters) > 0:
		return fail("new_parameters", "%v of no weights: state weights, or leave it out", c.NewParameters)
	case slices.Contains(c.NewParameters, ""):
		return fail("new_parameters", "an empty prefix means all parameters: leave weights out instead")
	case len(t.Annealing.First) != 0 && len(t.Annealing.First) != 2:
		return fail("train.annealing.first", "%v must be a start and an end", t.Annealing.First)
	case len(t.Annealing.Start) != len(t.Annealing.End):
		return fail("train.annealing", "%d starts but %d ends", len(t.Annealing.Start), len(t.Annealing.End))
	}
	return nil
}
