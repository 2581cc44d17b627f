package shapes

import (
	"context"
	"slices"

	"eomt/data"
	"eomt/data/coco"
)

// Format is the generated data set as data.format: shapes names it. Opening
// generates it where it is missing and OpenOptions.Shapes says how.
var Format = data.Format{
	Name:         "shapes",
	Tasks:        []string{"panoptic", "instance", "semantic"},
	Keys:         []string{"shapes"},
	AbsentIsZero: true,
	Open: func(ctx context.Context, o data.OpenOptions) (data.DatasetCloser, error) {
		if s := o.Shapes; s != nil {
			c := Config{Dir: o.Root, Train: s.Train, Val: s.Val, Size: s.Size, Seed: s.Seed, Things: s.Things}
			if err := Generate(ctx, c, o.Progress); err != nil {
				return nil, err
			}
		}
		o.Files = data.Files{}
		return coco.Open(ctx, o)
	},
	Published: func(o data.OpenOptions) (int, []data.Class, bool) {
		if o.Shapes == nil {
			return 0, nil, false
		}
		images := o.Shapes.Train
		if o.Split == "val" {
			images = o.Shapes.Val
		}
		return images, classesFor(o.Task), true
	},
}

// classesFor are the classes that a task has: instances are things.
func classesFor(task string) []data.Class {
	return slices.DeleteFunc(Classes(), func(c data.Class) bool { return task == "instance" && !c.Thing })
}
