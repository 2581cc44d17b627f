package app

import (
	"context"

	"eomt/configs"
	"eomt/data"
	"eomt/data/formats"
	"eomt/internal/progress"
)

// OpenDataset opens a split, "train" or "val", of the configured data set;
// generated shapes are generated where they are missing. Validation keeps images
// without annotations, as the official metrics count them.
func OpenDataset(ctx context.Context, c configs.Config, split string) (data.DatasetCloser, error) {
	o := openOptions(c, split)
	if o.Shapes != nil {
		bar := progress.Start("generate "+o.Root, o.Shapes.Train+o.Shapes.Val)
		defer bar.Finish()
		o.Progress = func(done, _ int) { bar.Set(done, "") }
	}
	return formats.Open(ctx, c.Data.Format, o)
}

func openOptions(c configs.Config, split string) data.OpenOptions {
	files := c.Data.Train
	if split == "val" {
		files = c.Data.Val
	}
	return data.OpenOptions{Task: c.Task, Root: c.Data.Root, Split: split, Files: files, Shapes: c.Data.Shapes,
		KeepEmpty: split == "val" || c.Data.Augment.KeepEmpty, SkipBad: c.Data.Loader.OnBadSample == "skip", ApplyEXIF: c.Data.EXIF == "apply"}
}
