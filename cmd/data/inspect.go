package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"

	"eomt/cmd/internal/app"
	"eomt/configs"
	"eomt/data"
	"eomt/internal/cli"
	"eomt/internal/progress"

	"golang.org/x/sync/errgroup"
)

func inspect(ctx context.Context, args []string) error {
	f := cli.Flags("data inspect", "go run ./cmd/data inspect -config FILE [-set key=value ...] [-split train|val] [-out DIR]",
		"go run ./cmd/data inspect -config configs/quickstart.yaml -split val -out runs/inspect")
	path := f.String("config", "", "configuration `file` of the data set")
	split := f.String("split", "val", "`split` to read: train or val")
	out := f.String("out", "", "also draw samples with their targets into this `folder`")
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
	c.Data.Loader.OnBadSample = "skip" // go on, and list what is broken
	ds, err := app.OpenDataset(ctx, c, *split)
	if err != nil {
		return err
	}
	defer ds.Close()
	findings, err := readAll(ctx, ds)
	if err != nil {
		return err
	}
	findings.write(os.Stdout, c, *split)
	if *out != "" {
		if err := drawSamples(ds, findings.sound, c, *out); err != nil {
			return err
		}
	}
	if n := len(findings.problems); n > 0 {
		return fmt.Errorf("%d problems in %s, listed above", n, c.Data.Root)
	}
	return nil
}

// faulty are data sets that find all that is wrong with a sample.
type faulty interface{ Faults(i int) []error }

// readAll loads every sample, on all cores.
func readAll(ctx context.Context, ds data.Dataset) (*findings, error) {
	found := newFindings(ds)
	bar := progress.Start("inspect", ds.Len())
	defer bar.Finish()
	var next, done atomic.Int64
	workers, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() error {
			for i := int(next.Add(1)) - 1; i < ds.Len(); i = int(next.Add(1)) - 1 {
				if err := ctx.Err(); err != nil {
					return err
				}
				if sample, err := ds.Load(i); err == nil {
					found.add(i, sample)
				} else if d, ok := ds.(faulty); ok {
					found.addBroken(append(d.Faults(i), err)...)
				} else {
					found.addBroken(err)
				}
				bar.Set(int(done.Add(1)), "")
			}
			return nil
		})
	}
	return found, workers.Wait()
}
