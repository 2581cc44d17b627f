package formats

import (
	"context"
	"fmt"
	"slices"

	"eomt/data"
	"eomt/data/ade20k"
	"eomt/data/cityscapes"
	"eomt/data/coco"
	"eomt/data/folder"
	"eomt/data/shapes"
)

var all = []data.Format{
	coco.Format,
	ade20k.Format,
	cityscapes.Format,
	folder.Format,
	shapes.Format,
}

// Names returns the names of all formats.
func Names() []string {
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = f.Name
	}
	return names
}

// Named returns the format of a name.
func Named(name string) (data.Format, error) {
	i := slices.IndexFunc(all, func(f data.Format) bool { return f.Name == name })
	if i < 0 {
		return data.Format{}, fmt.Errorf("unknown format %q: want one of %q", name, Names())
	}
	return all[i], nil
}

// Open opens a split of a data set of the named format.
func Open(ctx context.Context, name string, o data.OpenOptions) (data.DatasetCloser, error) {
	f, err := Named(name)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(f.Tasks, o.Task) {
		return nil, fmt.Errorf("data.format %s has no targets for task %q: it has %q", name, o.Task, f.Tasks)
	}
	return f.Open(ctx, o)
}
