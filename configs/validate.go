package configs

import (
	"reflect"
	"slices"
	"strings"

	"eomt/data/formats"
	"eomt/internal/memory"
)

// validate reports the first unusable value. sources says who stated a key; keys
// that nobody stated are the file's.
func (c Config) validate(file string, sources map[string]string) *FieldError {
	for _, check := range []func() *FieldError{c.checkKeys, c.checkFormat, c.checkEffect, c.checkData, c.checkTrain} {
		err := check()
		if err == nil {
			continue
		}
		err.Source = file
		for _, k := range Keys(c) {
			if source := sources[k.Name]; source != "" && isBelow(k.Name, err.Field) {
				err.Source = source
			}
		}
		return err
	}
	return nil
}

// checkKeys holds every key to the range or choice that its component declares.
func (c Config) checkKeys() *FieldError {
	for _, k := range Keys(c) {
		if c.Data.Shapes == nil && isBelow(k.Name, "data.shapes") {
			continue
		}
		if reason := k.check(); reason != "" {
			return fail(k.Name, "%s", reason)
		}
	}
	return nil
}

// checkFormat refuses a task that the data set format has no targets for.
func (c Config) checkFormat() *FieldError {
	format, err := formats.Named(c.Data.Format)
	if err != nil {
		return fail("data.format", "%v", err)
	}
	if !slices.Contains(format.Tasks, c.Task) {
		return fail("task", "%s: data.format %s has targets for %s", c.Task, format.Name, strings.Join(format.Tasks, ", "))
	}
	return nil
}

func (c Config) checkData() *FieldError {
	image := c.Model.Image
	switch {
	case c.Data.Root == "":
		return fail("data.root", "state the folder of the data set")
	case c.Data.Augment.Scale[0] > c.Data.Augment.Scale[1]:
		return fail("data.scale", "%s must be in ascending order", text(reflect.ValueOf(c.Data.Augment.Scale)))
	case c.Task == "semantic" && image[0] != image[1]:
		return fail("model.image", "%s is not square: semantic evaluation cuts images into square windows", text(reflect.ValueOf(image)))
	case slices.Contains(c.NewParameters, ""):
		return fail("new_parameters", "an empty prefix means all parameters: leave weights out instead")
	}
	return nil
}

func (c Config) checkTrain() *FieldError {
	t := c.Train
	loss := c.Loss
	loss.Points = t.Points
	switch err := loss.Validate(); {
	case t.Schedule.Epochs == 0 && t.Schedule.TotalSteps == 0:
		return fail("train.epochs", "state train.epochs or train.total_steps")
	case t.Points%4 != 0:
		return fail("train.points", "%d is not a multiple of 4", t.Points)
	case c.Data.Loader.Batch%t.Accumulate != 0:
		return fail("train.accumulate", "data.batch %d cannot be split into %d equal shares: it must be a multiple of train.accumulate", c.Data.Loader.Batch, t.Accumulate)
	case err != nil:
		return fail("loss", "%v", err)
	}
	if t.Fit != "" {
		if _, err := memory.Parse(t.Fit); err != nil {
			return fail("train.fit", "%v", err)
		}
	}
	if err := t.Schedule.Annealing.Validate(); err != nil {
		return fail("train.annealing", "%v", err)
	}
	return nil
}

// StepsPerEpoch counts the complete batches in a number of images, at least one.
func (c Config) StepsPerEpoch(images int) int { return max(1, images/c.Data.Loader.Batch) }
