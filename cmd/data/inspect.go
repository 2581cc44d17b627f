package main

import (
	"context"
	"fmt"
	"os"

	"eomt/configs"
	"eomt/data/inspect"
	"eomt/data/loader"
	"eomt/data/overlay"
	"eomt/experiment"
	"eomt/internal/cli"
	"eomt/internal/progress"
)

func inspectDataset(ctx context.Context, args []string) error {
	f := cli.Flags("data inspect", "go run ./cmd/data inspect -config FILE [-set key=value ...] [-split train|val] [-out DIR]",
		"go run ./cmd/data inspect -config configs/quickstart.yaml -split val -out runs/inspect")
	path := f.String("config", "", "configuration `file` of the data set")
	split := f.String("split", "val", "`split` to read: train or val")
	out := f.String("out", "", "also draw samples with their targets into this `folder`, in place of those drawn before")
	var set cli.Overrides
	f.Var(&set, "set", "override a value of the configuration, as `key=value`")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	switch {
	case f.NArg() > 0:
		return cli.Usagef("unexpected argument %q", f.Arg(0))
	case *path == "":
		return cli.Usagef("-config is missing: the configuration of the data set")
	case *split != "train" && *split != "val":
		return cli.Usagef("-split %s: want train or val", *split)
	}
	c, err := configs.Read(*path, set...)
	if err != nil {
		return err
	}
	c.Data.Loader.OnBadSample = loader.Skip // list what is broken instead of failing
	ds, err := experiment.OpenDataset(ctx, c, *split, experiment.Terminal)
	if err != nil {
		return err
	}
	defer ds.Close()
	bar := progress.Start("inspect", ds.Len())
	findings, err := inspect.Read(ctx, ds, func(done, _ int) { bar.Set(done, "") })
	bar.Finish()
	if err != nil {
		return err
	}
	findings.Write(os.Stdout, fmt.Sprintf("%s %s, %s", c.Data.Format, c.Task, *split))
	if *out != "" {
		train := c.Data.Augment.Train(c.Model.Image[0], c.Model.Image[1])
		sheet, n, err := inspect.Draw(ds, findings.Sound, train, c.Seed, *out)
		if err != nil {
			return err
		}
		if note := overlay.Note(ds.Classes()); note != "" {
			fmt.Fprintln(os.Stderr, note)
		}
		if n > 0 {
			fmt.Printf("pictures of %d samples, before and after the training transforms: %s\n", n, sheet)
		}
	}
	if n := len(findings.Problems); n > 0 {
		return fmt.Errorf("%d problems in %s, listed above", n, c.Data.Root)
	}
	return nil
}
