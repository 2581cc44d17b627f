// Command predict segments images and photographs: pictures with their segments
// drawn on and a legend, and the predictions in the official formats. Start
// reading at main.go; photos.go finds the images, output.go keeps the -out folder,
// picture.go draws.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"eomt/data/overlay"
	"eomt/eval/inference"
	"eomt/eval/postprocess"
	"eomt/eval/predictions"
	"eomt/internal/cli"
	"eomt/internal/progress"
	"eomt/segment"
)

func main() { cli.Main("predict", run) }

// defaultDrawn is the least score of instances that are drawn.
const defaultDrawn = 0.5

// options are the command line.
type options struct {
	weights, out, task, config, backend string
	score                               float64
	paths                               []string
}

func parse(args []string) (options, error) {
	var o options
	f := cli.Flags("predict", "go run ./cmd/predict -weights PATH -out DIR [-task panoptic|instance|semantic] IMAGE|DIR ...",
		"go run ./cmd/predict -weights runs/quickstart -out predictions photo.jpg holidays/")
	f.StringVar(&o.weights, "weights", "", "`PATH` of a run, a checkpoint, a Hugging Face folder or an official pytorch_model.bin")
	f.StringVar(&o.out, "out", "", "`folder` for overlays/, the predictions in the official formats and images.json, which has the file name of each image id; an earlier run's results there are removed")
	f.StringVar(&o.task, "task", "", "panoptic, instance or semantic; by default what the weights were trained for, or panoptic where they do not state it")
	f.StringVar(&o.config, "config", "", "configuration `FILE` that states task, classes, thresholds and image size where the weights do not")
	f.Float64Var(&o.score, "score", -1, "least `score`, 0 to 1, of panoptic segments (by default the run's or configuration's, otherwise 0.8), and of instances that are drawn (0.5; the results list has all)")
	f.StringVar(&o.backend, "backend", "", "xla:cuda, xla:cpu or go; by default GOMLX_BACKEND, otherwise the best found")
	if err := cli.Parse(f, args); err != nil {
		return o, err
	}
	o.paths = f.Args()
	switch {
	case o.weights == "":
		return o, cli.Usagef("-weights is missing: a run folder, a checkpoint or another file of weights")
	case o.out == "":
		return o, cli.Usagef("-out is missing: the folder for the predictions")
	case len(o.paths) == 0:
		return o, cli.Usagef("name at least one image or folder of images, behind all flags")
	case o.score != -1 && !(o.score >= 0 && o.score <= 1):
		return o, cli.Usagef("-score %v: want 0 to 1", o.score)
	case o.task != "" && o.task != "panoptic" && o.task != "instance" && o.task != "semantic":
		return o, cli.Usagef("-task %s: want panoptic, instance or semantic", o.task)
	}
	return o, nil
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	files, err := findPhotos(o.paths)
	if err != nil {
		return err
	}
	s, err := o.open()
	if err != nil {
		return err
	}
	defer s.Close()
	drawn := defaultDrawn
	if o.score >= 0 {
		drawn = o.score
	}
	out, err := newOutput(predictions.Folder{Dir: o.out, Task: s.Task, Classes: s.Classes}, files, drawn)
	if err != nil {
		return err
	}
	bar := progress.Start("predict", len(files))
	ran := s.Run(ctx, files, files.indices(), 1, out.failed, func(r inference.Result) error {
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

// open opens the weights and says on standard error what they segment, and what
// was assumed because nobody states it.
func (o options) open() (*segment.Segmenter, error) {
	so := segment.Options{Backend: o.backend, Config: o.config, Task: postprocess.Task(o.task)}
	if o.score >= 0 {
		so.Score = &o.score
	}
	s, err := segment.Open(o.weights, so)
	if err != nil {
		return nil, err
	}
	a := s.Architecture
	fmt.Fprintln(os.Stderr, s.Backend)
	fmt.Fprintf(os.Stderr, "%s segmentation, %d classes, input %d x %d; photos are turned upright as their EXIF orientation says\n",
		s.Task, len(s.Classes), a.ImageW(), a.ImageH())
	for _, sentence := range s.Assumed {
		fmt.Fprintln(os.Stderr, "predict: "+sentence)
	}
	if note := overlay.Note(s.Classes); note != "" {
		fmt.Fprintln(os.Stderr, note)
	}
	return s, nil
}
