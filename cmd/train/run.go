package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"eomt/configs"
	"eomt/experiment"
	"eomt/internal/mpi"
	"eomt/train"
)

// train is the whole run, from the data set to the last evaluation.
func (o options) train(ctx context.Context, c configs.Config) error {
	world, err := mpi.Open()
	if err != nil {
		return err
	}
	if world == nil {
		return o.trainWith(ctx, c, nil)
	}
	if err := o.trainWith(ctx, c, world); err != nil && !errors.Is(err, train.ErrInterrupted) {
		world.Abort(err.Error()) // the others wait for this process
		return err
	} else if err != nil {
		return errors.Join(err, world.Close())
	}
	return world.Close()
}

// trainWith trains as one of the hosts, if they are not nil.
func (o options) trainWith(ctx context.Context, c configs.Config, hosts train.Hosts) (err error) {
	run, err := experiment.Open(ctx, c, experiment.Options{Dir: o.out, Backend: o.backend, Resume: o.resume.Resume, MaxSteps: o.maxSteps,
		Hosts: hosts, Notes: os.Stderr, Results: os.Stdout, Watch: experiment.Terminal})
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
