package train

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"eomt/checkpoints"
	"eomt/data"
)

// Batches gives the batches of a run in order, from the step it was opened at.
type Batches interface {
	Next(ctx context.Context) (*data.Batch, error)
}

// Validate evaluates the state after state.Step updates and returns the run's
// metric. Larger is better.
type Validate func(ctx context.Context, state *State, maskProbs []float64) (checkpoints.Metric, error)

// RunConfig is a run around a compiled step.
type RunConfig struct {
	Dir             string // the run folder
	Stop            int    // the step to stop after, at most the schedule's total
	LogEvery        int
	CheckpointEvery int
	ValidateEvery   int // 0: after the last step only
	// ValidateFirst makes up for the validation that was due after the state's step
	// and was cut off.
	ValidateFirst  bool
	Keep           int // checkpoints kept besides the best
	ImagesPerEpoch int
	// Saved is what checkpoints state besides step and position.
	Saved checkpoints.State
	// Progress, where not nil, is told of every finished step.
	Progress func(step int, l Losses)
}

// NonFiniteError is a step whose loss or gradient is NaN or infinite. Nothing of
// that step was saved.
type NonFiniteError struct {
	Step   int
	Images []string
	Losses Losses
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("train: step %d: loss %v, gradient norm %v with images %s: the run stops; the last checkpoint is intact (lower train.lr, or look at these images with cmd/data inspect)",
		e.Step, e.Losses.Total, e.Losses.GradientNorm, strings.Join(e.Images, ", "))
}

// ErrInterrupted is a run that was asked to stop, saved itself and can be resumed.
var ErrInterrupted = errors.New("train: interrupted")

// Run trains state from its step to c.Stop: it takes a batch, does a step, logs,
// saves and validates, until the end, an error or ctx is done, in which case the
// state is saved and the error is [ErrInterrupted], or why it could not be saved.
func Run(ctx context.Context, c RunConfig, step *Step, state *State, batches Batches, validate Validate) error {
	r := &run{RunConfig: c, step: step, state: state, validate: validate, saved: state.Step,
		store: checkpoints.Store{Dir: filepath.Join(c.Dir, "checkpoints"), Keep: c.Keep}}
	record, err := openRecord(c.Dir, state.Step)
	if err != nil {
		return err
	}
	defer record.Close()
	r.record = record
	if c.ValidateFirst {
		if err := r.evaluate(ctx); err != nil {
			return err
		}
	}
	for state.Step < c.Stop {
		waiting := time.Now()
		batch, err := batches.Next(ctx)
		if ctx.Err() != nil {
			return r.interrupted()
		}
		if err != nil {
			return fmt.Errorf("train: batch of step %d: %w", state.Step, err)
		}
		if batch.B != r.batchSize() {
			return fmt.Errorf("train: batch of step %d has %d images, the step takes %d", state.Step, batch.B, r.batchSize())
		}
		started := time.Now()
		losses, err := step.Run(state, batch)
		if err != nil {
			return err
		}
		if !losses.Finite() {
			return &NonFiniteError{Step: state.Step - 1, Images: batch.Names, Losses: losses}
		}
		record.add(batch, started.Sub(waiting), time.Since(waiting))
		if err := r.after(ctx, losses); err != nil {
			return err
		}
	}
	return r.finish(ctx)
}

// run is the state of [Run] between steps.
type run struct {
	RunConfig
	step      *Step
	state     *State
	validate  Validate
	record    *record
	store     checkpoints.Store
	saved     int // the step of the newest checkpoint
	validated int
}

// after does what is due once a step is done.
func (r *run) after(ctx context.Context, losses Losses) error {
	done := r.state.Step
	if r.Progress != nil {
		r.Progress(done, losses)
	}
	if done%r.LogEvery == 0 || done == r.Stop {
		if err := r.record.write(r.entry(losses)); err != nil {
			return err
		}
	}
	if done%r.CheckpointEvery == 0 {
		if err := r.save(); err != nil {
			return err
		}
	}
	if r.ValidateEvery > 0 && done%r.ValidateEvery == 0 {
		return r.evaluate(ctx)
	}
	return nil
}

// finish saves and validates the last state where that has not just been done.
func (r *run) finish(ctx context.Context) error {
	if err := r.save(); err != nil {
		return err
	}
	return r.evaluate(ctx)
}

// interrupted saves the state of a run that was asked to stop.
func (r *run) interrupted() error {
	if err := r.save(); err != nil {
		return fmt.Errorf("train: interrupted after step %d and not saved: %w", r.state.Step, err)
	}
	return ErrInterrupted
}

func (r *run) save() error {
	if r.saved == r.state.Step && r.saved > 0 {
		return nil
	}
	state := r.Saved
	seen := r.state.Step * r.batchSize()
	state.Epoch, state.Position = seen/r.ImagesPerEpoch, seen%r.ImagesPerEpoch
	state.MaskProbs = nil
	for _, p := range r.step.maskProbs(r.state.Step) {
		state.MaskProbs = append(state.MaskProbs, float32(p))
	}
	if _, err := r.store.Save(r.state.snapshot(r.step.config.Network.Architecture(), state)); err != nil {
		return err
	}
	r.saved = r.state.Step
	return r.record.tabulate()
}

// evaluate validates and marks the best checkpoint; the state that was measured
// is saved first, so that best can point at it.
func (r *run) evaluate(ctx context.Context) error {
	if r.validate == nil || r.validated == r.state.Step {
		return nil
	}
	if err := r.save(); err != nil {
		return err
	}
	metric, err := r.validate(ctx, r.state, r.step.maskProbs(r.state.Step))
	if err != nil {
		if ctx.Err() != nil {
			return ErrInterrupted
		}
		return fmt.Errorf("train: validation after step %d: %w", r.state.Step, err)
	}
	r.validated = r.state.Step
	if err := r.record.evaluated(metric); err != nil {
		return err
	}
	if best := r.Saved.Best; best == nil || metric.Value > best.Value {
		r.Saved.Best = &metric
		return r.store.MarkBest(r.state.Step)
	}
	return nil
}
