package experiment_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"eomt/configs"
	"eomt/experiment"
)

// Train a network in 30 lines: quickstart's, made small enough for a test.
func Example() {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c, err := configs.Read("../configs/quickstart.yaml",
		"data.root="+filepath.Join(dir, "shapes"), "data.shapes={train: 4, val: 2, size: 64, seed: 1}",
		"model.width=16", "model.blocks=2", "model.query_blocks=1", "model.heads=2", "data.batch=2", "train.total_steps=4")
	if err != nil {
		log.Fatal(err)
	}
	run, err := experiment.Open(context.Background(), c, experiment.Options{Dir: filepath.Join(dir, "run"), Backend: "go"})
	if err != nil {
		log.Fatal(err)
	}
	defer run.Close()
	if err := run.Train(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.Architecture.Classes, "classes,", run.State.Step, "steps,", len(run.Result().Records), "images evaluated")
	// Output: 8 classes, 4 steps, 2 images evaluated
}
