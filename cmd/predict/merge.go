package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"eomt/eval/predictions"
	"eomt/eval/shards"
	"eomt/internal/cli"
	"eomt/internal/progress"
)

// merge joins the folders of all shards.
func merge(ctx context.Context, args []string) error {
	f := cli.Flags("predict merge", "go run ./cmd/predict merge -out DIR [-max-failures N] SHARD_DIR ...",
		"go run ./cmd/predict merge -out predictions shards/*")
	out := f.String("out", "", "`folder` for the results of all shards; an earlier run's results there are removed")
	most := f.Int("max-failures", 0, "`number` of images that may have failed; with more the exit code is 3. -1 is any")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	switch {
	case *out == "":
		return cli.Usagef("-out is missing: the folder for the merged predictions")
	case f.NArg() == 0:
		return cli.Usagef("name the folders of all shards, behind all flags")
	}
	set, err := shards.Gather(f.Args())
	if err != nil {
		return err
	}
	m, err := newManifest(*out)
	if err != nil {
		return err
	}
	folder := predictions.Folder{Dir: *out, Task: set.Task, Classes: set.Classes}
	if err = folder.Make(); err == nil {
		err = addLists(m, folder)
	}
	if err == nil {
		bar := progress.Start("merge", set.Images).Rate("images", 1)
		err = set.Merge(ctx, folder, m.Add, func(done int) { bar.Set(done, "") })
		bar.Finish()
	}
	if err := errors.Join(err, m.Close()); err != nil {
		return err
	}
	fmt.Printf("%d images of %d shards, of which %d failed, in %s\n", set.Images, f.NArg(), set.Failed, *out)
	return tolerate(set.Failed, set.Images, *most, filepath.Join(*out, predictions.FailedJSON))
}
