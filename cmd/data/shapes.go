package main

import (
	"context"
	"fmt"

	"eomt/data/shapes"
	"eomt/internal/cli"
	"eomt/internal/progress"
)

func generate(ctx context.Context, args []string) error {
	f := cli.Flags("data shapes", "go run ./cmd/data shapes -out DIR -images N [-val N] [-size PX] [-seed S]",
		"go run ./cmd/data shapes -out data-cache/shapes -images 1000 -seed 1")
	c := shapes.Config{}
	f.StringVar(&c.Dir, "out", "", "`folder` of the data set; becomes a data.root")
	f.IntVar(&c.Train, "images", 0, "training `images`")
	f.IntVar(&c.Val, "val", -1, "validation `images`; a tenth of the training images by default")
	f.IntVar(&c.Size, "size", 128, "longer side of the images in `pixels`, 32 or more")
	f.Uint64Var(&c.Seed, "seed", 0, "`seed` of the images")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	switch {
	case f.NArg() > 0:
		return cli.Usagef("unexpected argument %q", f.Arg(0))
	case c.Dir == "":
		return cli.Usagef("-out is missing: the folder of the data set")
	case c.Train < 1:
		return cli.Usagef("-images %d: want 1 or more", c.Train)
	case c.Size < 32:
		return cli.Usagef("-size %d: want 32 or more", c.Size)
	}
	if c.Val < 0 {
		c.Val = (c.Train + 9) / 10
	}
	bar := progress.Start("shapes", c.Train+c.Val)
	err := shapes.Generate(ctx, c, func(done, total int) { bar.Set(done, "") })
	bar.Finish()
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d training and %d validation images in COCO panoptic and instance format\n", c.Dir, c.Train, c.Val)
	return nil
}
