package experiment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"eomt/configs"
	"eomt/data"
	"eomt/data/formats"
)

// OpenDataset opens a split, "train" or "val", of the configured data set;
// generated shapes are generated where they are missing. Validation keeps images
// without annotations, as the official metrics count them.
func OpenDataset(ctx context.Context, c configs.Config, split string, watch Watch) (data.DatasetCloser, error) {
	o := c.OpenOptions(split)
	var display Display = noDisplay{}
	if o.Shapes != nil {
		if _, err := os.Stat(o.Root); errors.Is(err, fs.ErrNotExist) {
			display = watch.start("generate shapes", o.Shapes.Train+o.Shapes.Val, "images", 1)
		}
		o.Progress = func(done, _ int) { display.Set(done, "") }
	}
	set, err := formats.Open(ctx, c.Data.Format, o)
	display.Finish()
	if err != nil && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w (data.root is %s)", err, located(o.Root))
	}
	return set, err
}

// located is a path with what it is relative to.
func located(path string) string {
	absolute, err := filepath.Abs(path)
	if filepath.IsAbs(path) || err != nil {
		return path
	}
	return fmt.Sprintf("%s, relative to the current directory: %s", path, absolute)
}
