package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"eomt/configs"
	"eomt/experiment"
	"eomt/train"
)

// train is the whole run, from the data set to the last evaluation.
func (o options) train(ctx context.Context, c configs.Config) (err error) {
	run, err := experiment.Open(ctx, c, experiment.Options{Dir: o.out, Backend: o.backend, Resume: o.resume.Resume, MaxSteps: o.maxSteps,
		Notes: os.Stderr, Results: os.Stdout, Watch: experiment.Terminal})
	if err != nil {
		return fmt.Errorf("%s: %w", o.config, err)
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	err = run.Train(ctx)
	if errors.Is(err, train.ErrInterrupted) {
		return fmt.Errorf("%w: saved after step %d; the same command with -resume continues from there", err, run.State.Step)
	}
	return err
}
