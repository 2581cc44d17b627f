package app

import (
	"context"
	"fmt"
	"io"

	"eomt/cmd/internal/progress"
	"eomt/configs"
	"eomt/data"
	"eomt/data/ade20k"
	"eomt/data/cityscapes"
	"eomt/data/coco"
	"eomt/data/folder"
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
	keep, skip := split == "val" || c.Data.KeepEmpty, c.Data.OnBadSample == "skip"
	switch c.Data.Format + " " + c.Task {
	case "coco panoptic", "coco instance":
		return openCOCO(c, split)
	case "shapes panoptic", "shapes instance", "shapes semantic":
		if err := generateShapes(ctx, c.Data); err != nil {
			return nil, err
		}
		return openCOCO(c, split)
	case "ade20k semantic":
		return opened(ade20k.OpenSemantic(ade20k.Config{Root: c.Data.Root, Split: split, KeepConstant: keep, SkipBad: skip}))
	case "ade20k panoptic":
		return opened(ade20k.OpenPanoptic(ade20k.Config{Root: c.Data.Root, Split: split, KeepConstant: keep, SkipBad: skip}))
	case "cityscapes semantic":
		return opened(cityscapes.OpenSemantic(cityscapes.Config{Root: c.Data.Root, Split: split, KeepConstant: keep, SkipBad: skip}))
	case "cityscapes panoptic":
		return opened(cityscapes.OpenPanoptic(cityscapes.Config{Root: c.Data.Root, Split: split, KeepConstant: keep, SkipBad: skip}))
	case "cityscapes instance":
		return opened(cityscapes.OpenInstance(cityscapes.Config{Root: c.Data.Root, Split: split, KeepConstant: keep, SkipBad: skip}))
	case "folder semantic":
		return opened(folder.Open(folder.Config{Root: c.Data.Root, Split: split, KeepConstant: keep, SkipBad: skip}))
	}
	return nil, fmt.Errorf("data.format %s has no %s data", c.Data.Format, c.Task)
}

// opened makes a failed opening a nil interface.
func opened[D Dataset](set D, err error) (Dataset, error) {
	if err != nil {
		return nil, err
	}
	return set, nil
}

func openCOCO(c configs.Config, split string) (Dataset, error) {
	open := coco.OpenPanoptic
	if c.Task == "instance" {
		open = coco.OpenInstance
	}
	files := c.Data.Train
	if split == "val" {
		files = c.Data.Val
	}
	return opened(open(coco.Config{Root: c.Data.Root, Split: split,
		Images: files.Images, Annotations: files.Annotations, Masks: files.Masks,
		KeepEmpty: split == "val" || c.Data.KeepEmpty, SkipBad: c.Data.OnBadSample == "skip"}))
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
