package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"eomt/arch"
	"eomt/checkpoints/weights"
	"eomt/internal/cli"
)

// convert writes weights in another format.
func convert(_ context.Context, args []string) (err error) {
	f := cli.Flags("convert", `weights convert -in PATH -out PATH -format native|hf|official [-deltas-from BASE]

Writes the weights at -in in another format, values as they are. native: a
checkpoints folder of this project; hf: a folder that transformers loads with
from_pretrained; official: a file with the reference implementation's names, which
torch.load reads. With -deltas-from, -in holds the differences to a backbone, as the
official DINOv3 releases do, and the sum is written. Nothing is overwritten.

DINOv3 models have no position embedding, from which the image size would follow;
official files do not state it. -image does then.`,
		"go run ./cmd/weights convert -in pytorch_model.bin -out eomt-hf -format hf")
	in := f.String("in", "", "weights to read")
	out := f.String("out", "", "folder or, for official, file to write")
	format := f.String("format", "", "native, hf or official")
	base := f.String("deltas-from", "", "backbone that -in holds the differences to")
	ema := f.Bool("ema", true, "take the moving averages of a run with train.ema; -ema=false takes the weights of its step")
	image := f.Int("image", 640, "side of the images that the model is for, in pixels, where -in does not state it")
	if _, err := parse(f, args, 0, "-in, -out and -format, and nothing else"); err != nil {
		return err
	}
	write, err := writer(*format)
	switch {
	case err != nil:
		return err
	case *in == "" || *out == "":
		return cli.Usagef("want -in and -out")
	case *image < 1:
		return cli.Usagef("-image %d: want a number of pixels", *image)
	}
	m, err := open(*in, *base, *ema)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	given := false
	f.Visit(func(one *flag.Flag) { given = given || one.Name == "image" })
	if err := setImage(&m.Architecture, *image, given); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s, format %s: %v\n", *in, m.Format, m.Loading)
	if err := write(m, *out); err != nil {
		return err
	}
	fmt.Println(*out)
	return nil
}

// writer writes a model in the format that -format names.
func writer(format string) (func(*weights.Model, string) error, error) {
	switch format {
	case "native":
		return (*weights.Model).WriteNative, nil
	case "hf":
		return (*weights.Model).WriteHF, nil
	case "official":
		return (*weights.Model).WriteOfficial, nil
	}
	return nil, cli.Usagef("-format %q: want native, hf or official", format)
}

// setImage fills in the grid of a model whose file does not state it; given says
// that the user named the image's side.
func setImage(a *arch.Architecture, side int, given bool) error {
	switch {
	case a.Grid == [2]int{}:
		if side%a.Patch != 0 {
			return cli.Usagef("-image %d: want whole patches of %d pixels", side, a.Patch)
		}
		a.Grid = [2]int{side / a.Patch, side / a.Patch}
		if !given {
			fmt.Fprintf(os.Stderr, "the image size is not in the file: taken as %d pixels (-image says another)\n", side)
		}
	case given && a.Grid != [2]int{side / a.Patch, side / a.Patch}:
		return cli.Usagef("-image %d: the model is for %d x %d pixels", side, a.Grid[0]*a.Patch, a.Grid[1]*a.Patch)
	}
	return nil
}
