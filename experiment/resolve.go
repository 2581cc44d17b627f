package experiment

import (
	"fmt"

	"eomt/arch"
	"eomt/configs"
	"eomt/data/formats"
)

// Resolve fills in all that follows from the data set's counts, and gives the
// architecture with it. It fails if settings fit no such network.
func Resolve(c configs.Config, images, classes int) (configs.Resolved, arch.Architecture, error) {
	a, err := c.Model.Architecture(classes)
	if err != nil {
		return configs.Resolved{}, a, err
	}
	if a, err = c.Train.FineTune.LoRA.Adapt(a); err != nil {
		return configs.Resolved{}, a, err
	}
	if _, err := c.Train.FineTune.Groups(a, c.Train.Optimizer); err != nil {
		return configs.Resolved{}, a, err
	}
	r, err := c.Resolve(images, classes, a.AnnealedBlocks())
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
	images, table, ok := format.Published(c.OpenOptions("train"))
	if !ok {
		return 0, 0, &configs.FieldError{Source: c.Name, Field: "data.format",
			Reason: fmt.Sprintf("the size of this %s data set is not published: state data.images and data.classes", c.Data.Format)}
	}
	return images, len(table), nil
}
