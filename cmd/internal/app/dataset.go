package app

import (
	"context"
	"fmt"
	"io"

	"eomt/cmd/internal/progress"
	"eomt/configs"
	"eomt/data"
	"eomt/data/coco"
	"eomt/data/shapes"
)

// Dataset is an open data set.
type Dataset interface {
	data.Dataset
	io.Closer
}

// OpenDataset opens a split, "train" or "val", of the configured data set;
// generated shapes are generated where they are missing. Validation keeps images
// without annotations, as the official metrics count them.
func OpenDataset(ctx context.Context, c configs.Config, split string) (Dataset, error) {
	switch c.Data.Format {
	case "coco":
		return openCOCO(c, split)
	case "shapes":
		if err := generateShapes(ctx, c.Data); err != nil {
			return nil, err
		}
		return openCOCO(c, split)
	}
	return nil, fmt.Errorf("data.format %s: there is no reader for %s data sets of task %s", c.Data.Format, c.Data.Format, c.Task)
}

func openCOCO(c configs.Config, split string) (Dataset, error) {
	open := coco.OpenPanoptic
	if c.Task == "instance" {
		open = coco.OpenInstance
	}
	ds, err := open(coco.Config{Root: c.Data.Root, Split: split,
		KeepEmpty: split == "val" || c.Data.KeepEmpty, SkipBad: c.Data.OnBadSample == "skip"})
	if err != nil {
		return nil, err
	}
	return ds, nil
}

func generateShapes(ctx context.Context, d configs.Data) error {
	if d.Shapes == nil {
		return nil
	}
	bar := progress.Start("generate "+d.Root, d.Shapes.Train+d.Shapes.Val)
	defer bar.Finish()
	return shapes.Generate(ctx, shapes.Config{Dir: d.Root, Train: d.Shapes.Train, Val: d.Shapes.Val,
		Size: d.Shapes.Size, Seed: d.Shapes.Seed}, func(done, _ int) { bar.Set(done, "") })
}
