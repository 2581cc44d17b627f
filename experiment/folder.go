package experiment

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/gomlx/compute/dtypes"

	"eomt/checkpoints"
	"eomt/configs"
	"eomt/internal/atomicfile"
	"eomt/train"
)

const configFile = "config.yaml"

// checkFolder decides whether the run resumes, and refuses to mix a new one with one
// that is there.
func (r *Run) checkFolder() error {
	dir, resume := r.options.Dir, r.options.Resume
	_, err := checkpoints.Find(dir)
	r.resuming = err == nil && resume != ResumeNever
	switch {
	case resume == ResumeAlways && errors.Is(err, checkpoints.ErrNone):
		return fmt.Errorf("-resume: %s holds no checkpoint; leave -resume out to start", dir)
	case resume == ResumeNever && err == nil:
		return fmt.Errorf("%s already holds a run: resume it with -resume, or name another folder with -out", dir)
	case err != nil && !errors.Is(err, checkpoints.ErrNone) && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return nil
}

// start makes the state to train from: of the latest checkpoint, or of the
// configured weights, or random.
func (r *Run) start(ctx context.Context) error {
	hash, err := configHash(r.Config)
	if err != nil {
		return err
	}
	c := r.Config.Config
	architecture := r.Architecture
	r.saved = checkpoints.State{Seed: c.Seed, ConfigHash: hash, Architecture: &architecture, Task: c.Task, Classes: r.Classes,
		Thresholds: &checkpoints.Thresholds{Score: c.Eval.Score, Overlap: c.Eval.Overlap, TopK: c.Eval.TopK}}
	if !r.resuming {
		values, closeFiles, err := StartValues(ctx, c, r.Architecture, r.Classes, r.options)
		if err != nil {
			return err
		}
		r.State, err = train.NewState(r.Architecture, values, c.Seed, dtypes.Float32)
		return errors.Join(err, closeFiles())
	}
	loaded, damaged, err := checkpoints.LoadIntact(r.options.Dir)
	if err != nil {
		return err
	}
	defer loaded.Close()
	for _, d := range damaged {
		fmt.Fprintf(r.options.Notes, "WARNING: %s is damaged: %s; the checkpoint before it is taken\n", d.Path, d.Reason)
	}
	if d := checkpoints.CheckBest(loaded.Path); d != nil {
		fmt.Fprintf(r.options.Notes, "WARNING: the best checkpoint cannot be used: %s is damaged: %s; nothing is removed, and a better result will replace it\n", d.Path, d.Reason)
	}
	if done, steps := loaded.State.Step, r.Config.Derived.Steps; done > steps {
		return fmt.Errorf("-resume: %s has done %d steps, this configuration trains %d: name more (-set train.total_steps=N) or take -config %s",
			r.options.Dir, done, steps, filepath.Join(r.options.Dir, configFile))
	}
	if loaded.State.ConfigHash != hash {
		r.noteDifferences(loaded.Path, loaded.State.Step)
	}
	if stored := loaded.State.Classes; len(stored) == len(r.Classes) {
		if rows := differingClasses(stored, r.Classes); rows != "" {
			return fmt.Errorf("%s: the run was trained on other classes than the data set has: %s; give it the data set that it started with", loaded.Path, rows)
		}
	}
	if r.State, err = train.Restore(r.Architecture, loaded.Snapshot); err != nil {
		return fmt.Errorf("%s: %w", loaded.Path, err)
	}
	r.saved.Best = loaded.State.Best
	fmt.Fprintf(r.options.Notes, "resuming %s after step %d\n", r.options.Dir, r.State.Step)
	return nil
}

// noteDifferences says in what the configuration differs from the one that the run
// folder holds, and what another length does to the schedules after step.
func (r *Run) noteDifferences(checkpoint string, step int) {
	before, err := configs.ReadResolved(filepath.Join(r.options.Dir, configFile))
	if err != nil {
		fmt.Fprintf(r.options.Notes, "%s was saved under another configuration, which cannot be read: %v\n", checkpoint, err)
		return
	}
	if keys := configs.Differences(before.Config, r.Config.Config); len(keys) > 0 {
		fmt.Fprintf(r.options.Notes, "%s was saved under another configuration: %s\n", checkpoint, strings.Join(keys, "; "))
	}
	for _, line := range schedule(r.Config).Continued(schedule(before), step) {
		r.note(line)
	}
}

// describe writes config.yaml and provenance.json into the run folder.
func (r *Run) describe() error {
	var text bytes.Buffer
	if err := r.Config.Write(&text); err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(filepath.Join(r.options.Dir, configFile), text.Bytes()); err != nil {
		return fmt.Errorf("run folder: %w", err)
	}
	p := train.Provenance{Start: train.ThisStart(r.State.Step, r.choice.Name, r.deviceNames()), Seed: r.Config.Seed,
		Data: map[string]int{"train": r.train.Len(), "val": r.val.Len()}}
	p.Hosts = r.topology
	for _, row := range r.Architecture.Parameters() {
		p.Parameters += row.Size()
	}
	return p.Write(r.options.Dir)
}

// configHash identifies a resolved configuration.
func configHash(c configs.Resolved) (string, error) {
	h := sha256.New()
	if err := c.Write(h); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}
