// Command predict segments images and photographs: pictures with their segments
// drawn on and a legend, and the predictions in the official formats. Start
// reading at main.go; photos.go finds the images, subject.go says what the
// weights know, picture.go draws.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"eomt/data/overlay"
	"eomt/eval/inference"
	"eomt/eval/predictions"
	"eomt/experiment"
	"eomt/internal/backend"
	"eomt/internal/cli"
	"eomt/internal/progress"
	"eomt/model"
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
	f.StringVar(&o.out, "out", "", "`folder` for overlays/ and the predictions in the official formats")
	f.StringVar(&o.task, "task", "", "panoptic, instance or semantic; by default what the weights were trained for, as far as they tell")
	f.StringVar(&o.config, "config", "", "configuration `FILE`, where the weights do not lie in a run folder or tell their image size")
	f.Float64Var(&o.score, "score", -1, "least `score`, 0 to 1, of panoptic segments (by default the configuration's, else 0.8), and of instances that are drawn (0.5; the results list has all)")
	f.StringVar(&o.backend, "backend", "", "xla:cuda, xla:cpu or go; by default GOMLX_BACKEND, else the best found")
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
	s, err := o.subject()
	if err != nil {
		return err
	}
	weights, err := experiment.LoadWeights(o.weights, s.architecture)
	if err != nil {
		return err
	}
	device, _, err := backend.Start(o.backend, os.Stderr)
	if err != nil {
		return err
	}
	predictor, err := model.NewPredictor(device, s.network, weights.Params, weights.MaskProbs, experiment.MatMul(s.config.Train.Precision))
	if err != nil {
		return err
	}
	defer predictor.Close()
	ec := experiment.Evaluation(s.config, s.architecture)
	drawn := defaultDrawn
	if o.score >= 0 {
		ec.Score, drawn = o.score, o.score
	}
	fmt.Fprintf(os.Stderr, "%s segmentation, %d classes, input %d x %d; photos are turned upright as their EXIF data says\n", s.config.Task, len(s.classes), s.architecture.ImageW(), s.architecture.ImageH())
	if note := overlay.Note(s.classes); note != "" {
		fmt.Fprintln(os.Stderr, note)
	}
	out, err := newOutput(predictions.Folder{Dir: o.out, Task: ec.Task, Classes: s.classes}, files, drawn)
	if err != nil {
		return err
	}
	bar := progress.Start("predict", len(files))
	ran := inference.Run(ctx, files, indices(len(files)), experiment.Predictor(predictor), inference.Config{Task: ec.Task, Classes: s.classes,
		ImageH: ec.ImageH, ImageW: ec.ImageW, Batch: 1, Score: ec.Score, Overlap: ec.Overlap, TopK: ec.TopK, LoadFailed: out.failed},
		func(r inference.Result) error {
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

// indices are 0 to n-1.
func indices(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// subject is what the weights segment, and how.
func (o options) subject() (*subject, error) {
	s, err := readSubject(o.weights, o.config)
	if err != nil {
		return nil, err
	}
	if o.task != "" {
		s.config.Task = o.task
	}
	if s.config.Task == "semantic" && s.architecture.ImageH() != s.architecture.ImageW() {
		return nil, cli.Usagef("-task semantic: needs a model of square images, this one's are %d x %d", s.architecture.ImageW(), s.architecture.ImageH())
	}
	return s, nil
}
