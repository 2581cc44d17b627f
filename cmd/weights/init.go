package main

import (
	"context"
	"fmt"

	"eomt/checkpoints"
	"eomt/checkpoints/weights"
	"eomt/configs"
	"eomt/data"
	"eomt/data/formats"
	"eomt/internal/cli"
)

// initialize writes random weights of a configuration's network.
func initialize(_ context.Context, args []string) error {
	f := cli.Flags("init", `weights init -config FILE -seed S -out PATH [-format native|hf|official]

Writes the weights that training the configuration with this seed starts from, for
tests and for parity with other implementations. No data is read: the number of
classes is the published one, or data.classes of the configuration. Nothing is
overwritten.`,
		"go run ./cmd/weights init -config configs/quickstart.yaml -seed 1 -out random -format hf")
	path := f.String("config", "", "configuration `FILE`")
	seed := f.Uint64("seed", 0, "`seed` of the values")
	out := f.String("out", "", "folder or, for official, file to write")
	format := f.String("format", "native", "native, hf or official")
	var overrides cli.Overrides
	f.Var(&overrides, "set", "`key=value` over the configuration; may be repeated")
	if _, err := parse(f, args, 0, "-config, -seed and -out, and nothing else"); err != nil {
		return err
	}
	write, err := writer(*format)
	switch {
	case err != nil:
		return err
	case *path == "" || *out == "":
		return cli.Usagef("want -config and -out")
	}
	c, err := configs.Read(*path, overrides...)
	if err != nil {
		return err
	}
	m, err := randomModel(c, *seed)
	if err != nil {
		return fmt.Errorf("%s: %w", *path, err)
	}
	if err := write(m, *out); err != nil {
		return err
	}
	fmt.Println(*out)
	return nil
}

// randomModel is a configuration's network with random weights, and with the class
// table of its data set where that is published.
func randomModel(c configs.Config, seed uint64) (*weights.Model, error) {
	var table []data.Class
	if format, err := formats.Named(c.Data.Format); err == nil {
		_, table, _ = format.Published(data.OpenOptions{Task: c.Task, Root: c.Data.Root, Split: "train", Shapes: c.Data.Shapes})
	}
	if c.Data.Classes == 0 {
		c.Data.Classes = len(table)
	}
	if c.Data.Classes == 0 {
		return nil, &configs.FieldError{Source: c.Name, Field: "data.classes", Reason: "the classes of this data set are not published: state their number"}
	}
	a, err := c.Model.Architecture(c.Data.Classes)
	if err != nil {
		return nil, err
	}
	m := weights.Random(a, seed)
	m.Task = c.Task
	m.Thresholds = &checkpoints.Thresholds{Score: c.Eval.Score, Overlap: c.Eval.Overlap, TopK: c.Eval.TopK}
	if len(table) == a.Classes {
		m.SetClasses(table)
	}
	return m, nil
}
