package main

import (
	"context"
	"os"
	"path/filepath"

	"eomt/data"
	"eomt/data/coco"
	"eomt/data/loader"
	"eomt/data/shapes"
	"eomt/data/transform"
)

// generated is how many images the loader reads, at least.
const generated = 32

// prepareLoader loads generated panoptic images of the model's size, with the
// transforms of COCO training.
func prepareLoader(ctx context.Context, o options) (*work, error) {
	folder, err := os.MkdirTemp("", "eomt-bench-")
	if err != nil {
		return nil, err
	}
	remove := func() { os.RemoveAll(folder) }
	root := filepath.Join(folder, "shapes")
	if err := shapes.Generate(ctx, shapes.Config{Dir: root, Train: max(generated, o.batch), Val: 1, Size: max(32, o.image), Seed: 1}, nil); err != nil {
		remove()
		return nil, err
	}
	set, err := coco.OpenPanoptic(data.OpenOptions{Root: root, Split: "train"})
	if err != nil {
		remove()
		return nil, err
	}
	l, err := loader.New(set, loader.Config{Batch: o.batch, Seed: 1,
		Transform: transform.Train{H: o.image, W: o.image, ScaleMin: 0.1, ScaleMax: 2}})
	if err != nil {
		set.Close()
		remove()
		return nil, err
	}
	return &work{dtype: "uint8",
		run:   func() error { _, err := l.Next(ctx); return err },
		close: func() { l.Close(); set.Close(); remove() }}, nil
}
