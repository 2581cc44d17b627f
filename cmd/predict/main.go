// Command predict segments images and photographs: pictures with their segments
// drawn on and a legend, and the predictions in the official formats. Start
// reading at main.go; photos.go reads the images, output.go keeps the -out folder,
// picture.go draws, shard.go predicts a part of the images, merge.go joins parts.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"eomt/data/images"
	"eomt/data/overlay"
	"eomt/eval/inference"
	"eomt/eval/predictions"
	"eomt/internal/backend"
	"eomt/internal/cli"
	"eomt/internal/progress"
	"eomt/segment"
)

func main() {
	backend.HugePages()
	cli.Main("predict", run)
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "merge" {
		return merge(ctx, args[1:])
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	found, err := images.Find(ctx, o.paths)
	if err != nil {
		return err
	}
	files := photos(found)
	s, err := o.open()
	if err != nil {
		return err
	}
	defer s.Close()
	drawn := defaultDrawn
	if o.score >= 0 {
		drawn = o.score
	}
	folder := predictions.Folder{Dir: o.out, Task: s.Task, Classes: s.Classes}
	if o.shard != nil {
		return o.predictShard(ctx, s, folder, files, drawn)
	}
	out, err := newOutput(folder, files, drawn)
	if err != nil {
		return err
	}
	bar := progress.Start("predict", len(files)).Rate("images", 1)
	bar.Phase("compiling")
	ran := s.Run(ctx, source{ctx: ctx, photos: files}, files.indices(), 1, out.failed, func(r inference.Result) error {
		err := out.take(r)
		bar.Set(out.count(), "")
		return err
	})
	bar.Finish()
	if err := errors.Join(out.finish(), out.verdict(ctx, ran)); err != nil {
		return err
	}
	fmt.Printf("%d images: pictures in %s, predictions in %s\n", len(files), filepath.Join(o.out, overlaysDir), o.out)
	return nil
}

// open opens the weights and reports on standard error what they segment and what was
// assumed.
func (o options) open() (*segment.Segmenter, error) {
	so := o.network.Options()
	so.Checksum = o.shard != nil
	if o.score >= 0 {
		so.Score = &o.score
	}
	s, err := segment.Open(o.network.Weights, so)
	if err != nil {
		return nil, err
	}
	a := s.Architecture
	fmt.Fprintln(os.Stderr, s.Backend)
	if s.Averaged {
		fmt.Fprintln(os.Stderr, "weights: moving averages (train.ema); -ema=false takes those of the step")
	}
	fmt.Fprintf(os.Stderr, "%s segmentation, %d classes, input %d x %d; photographs are rotated upright by their EXIF orientation\n",
		s.Task, len(s.Classes), a.ImageW(), a.ImageH())
	for _, sentence := range s.Assumed {
		fmt.Fprintln(os.Stderr, "predict: "+sentence)
	}
	if note := overlay.Note(s.Classes); note != "" {
		fmt.Fprintln(os.Stderr, note)
	}
	return s, nil
}
