// Command quickstart trains on generated shapes and segments an image that the
// network never saw: go run ./examples/quickstart, minutes on 2 cores. Another module
// does the same with a replace line for module eomt in its go.mod.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"eomt/configs"
	"eomt/experiment"
	"eomt/segment"
)

func main() {
	if err := quickstart(context.Background(), "runs/example", "data-cache/shapes/val2017/000000500001.jpg", os.Args[1:]...); err != nil {
		log.Fatal(err)
	}
}

// quickstart trains into a run folder and segments an image. Overrides change the
// configuration, as train.total_steps=20 does.
func quickstart(ctx context.Context, dir, image string, overrides ...string) (err error) {
	config, err := configs.Read("configs/quickstart.yaml", overrides...)
	if err != nil {
		return err
	}
	run, err := experiment.Open(ctx, config, experiment.Options{Dir: dir, Notes: os.Stderr, Results: os.Stdout, Watch: experiment.Terminal})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	if err := run.Train(ctx); err != nil {
		return err
	}
	segmenter, err := segment.Open(dir, segment.Options{})
	if err != nil {
		return err
	}
	defer segmenter.Close()
	img, err := segment.ReadImage(image)
	if err != nil {
		return err
	}
	found, err := segmenter.Segment(ctx, img)
	if err != nil {
		return err
	}
	for _, s := range found.Segments {
		fmt.Printf("%-10s %5d pixels, score %.2f\n", s.Class.Name, s.Mask.Area(), s.Score)
	}
	return nil
}
