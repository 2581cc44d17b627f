package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/cmd/internal/app"
	"eomt/configs"
	"eomt/data/loader"
	"eomt/internal/atomicfile"
	"eomt/internal/progress"
	"eomt/model"
	"eomt/train"
)

// train is the whole run, from the data set to the last evaluation.
func (o options) train(ctx context.Context, c configs.Config) (err error) {
	lock, err := train.LockFolder(o.out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if err := o.checkFolder(); err != nil {
		return err
	}
	set, err := app.OpenDataset(ctx, c, "train")
	if err != nil {
		return err
	}
	defer set.Close()
	r, a, err := app.Resolve(c, set.Len(), len(set.Classes()))
	if err != nil {
		return fmt.Errorf("%s: %w", o.config, err)
	}
	network, err := model.New(a)
	if err != nil {
		return fmt.Errorf("%s: %w", o.config, err)
	}
	backend, choice, err := app.OpenBackend(o.backend)
	if err != nil {
		return err
	}
	state, saved, err := o.start(ctx, r, a)
	if err != nil {
		return err
	}
	val, err := app.OpenDataset(ctx, c, "val")
	if err != nil {
		return err
	}
	defer val.Close()
	feed := c.Data.Loader
	feed.Seed, feed.Start, feed.Transform = c.Seed, state.Step, c.Data.Augment.Train(a.ImageH(), a.ImageW())
	batches, err := loader.New(set, feed)
	if err != nil {
		return err
	}
	defer batches.Close()
	if err := o.describe(r, a, state, choice.Name, app.Devices(backend), map[string]int{"train": set.Len(), "val": val.Len()}); err != nil {
		return err
	}
	v := &validation{config: c, network: network, backend: backend, set: val, dir: o.out}
	return o.loop(ctx, backend, r, network, state, saved, batches, v)
}

// checkFolder refuses to mix a new run with one that is there.
func (o options) checkFolder() error {
	_, err := checkpoints.Find(o.out)
	switch {
	case o.resume && errors.Is(err, checkpoints.ErrNone):
		return fmt.Errorf("-resume: %s holds no checkpoint; leave -resume out to start", o.out)
	case !o.resume && err == nil:
		return fmt.Errorf("%s holds a run already: go on with it by -resume, or name another folder with -out", o.out)
	case err != nil && !errors.Is(err, checkpoints.ErrNone) && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return nil
}

// start gives the state to train from: the latest checkpoint, configured
// weights, or random values.
func (o options) start(ctx context.Context, c configs.Resolved, a arch.Architecture) (*train.State, checkpoints.State, error) {
	hash, err := configHash(c)
	if err != nil {
		return nil, checkpoints.State{}, err
	}
	if !o.resume {
		values, err := app.StartValues(ctx, c.Config, a)
		if err != nil {
			return nil, checkpoints.State{}, err
		}
		state, err := train.NewState(a, values, c.Seed, dtypes.Float32)
		return state, checkpoints.State{Seed: c.Seed, ConfigHash: hash, Architecture: &a}, err
	}
	loaded, err := checkpoints.Load(o.out)
	if err != nil {
		return nil, checkpoints.State{}, err
	}
	defer loaded.Close()
	if loaded.State.ConfigHash != hash {
		fmt.Fprintf(os.Stderr, "train: %s was saved under another configuration than the one now given\n", loaded.Path)
	}
	state, err := train.Restore(a, loaded.Snapshot)
	if err != nil {
		return nil, checkpoints.State{}, fmt.Errorf("%s: %w", loaded.Path, err)
	}
	fmt.Fprintf(os.Stderr, "resuming %s after step %d\n", o.out, state.Step)
	return state, loaded.State, nil
}

// describe writes config.yaml and provenance.json into the run folder.
func (o options) describe(c configs.Resolved, a arch.Architecture, state *train.State, backend string, devices []string, counts map[string]int) error {
	if err := os.MkdirAll(o.out, 0o777); err != nil {
		return fmt.Errorf("run folder: %w", err)
	}
	var text bytes.Buffer
	if err := c.Write(&text); err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(filepath.Join(o.out, "config.yaml"), text.Bytes()); err != nil {
		return fmt.Errorf("run folder: %w", err)
	}
	p := train.Provenance{Start: train.ThisStart(state.Step, backend, devices), Seed: c.Seed, Data: counts}
	for _, row := range a.Parameters() {
		p.Parameters += row.Size()
	}
	return p.Write(o.out)
}

// loop compiles the step and runs it to the end.
func (o options) loop(ctx context.Context, backend compute.Backend, c configs.Resolved, network model.Network, state *train.State, saved checkpoints.State, batches train.Batches, v *validation) error {
	step, err := train.NewStep(backend, app.StepConfig(c, network))
	if err != nil {
		return err
	}
	stop := c.Derived.Steps
	if o.maxSteps > 0 {
		stop = min(stop, o.maxSteps)
	}
	bar := progress.Start("train", stop)
	err = train.Run(ctx, train.RunConfig{Dir: o.out, Stop: stop, LogEvery: c.Train.LogEvery,
		CheckpointEvery: c.Train.CheckpointEvery, ValidateEvery: c.Train.ValidateEvery, Keep: c.Train.Keep,
		StepsPerEpoch: c.Derived.StepsPerEpoch, Saved: saved,
		Progress: func(done int, l train.Losses) { bar.Set(done, fmt.Sprintf("loss %.3f", l.Total)) },
	}, step, state, batches, v.run)
	bar.Finish()
	if errors.Is(err, train.ErrInterrupted) {
		return fmt.Errorf("%w: saved after step %d; the same command with -resume goes on from there", err, state.Step)
	}
	return err
}

// configHash identifies a resolved configuration.
func configHash(c configs.Resolved) (string, error) {
	h := sha256.New()
	if err := c.Write(h); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}
