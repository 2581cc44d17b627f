package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"eomt/checkpoints"
	"eomt/data"
)

// Batches yields the batches of a run in order, starting at the step it was opened for.
type Batches interface {
	Next(ctx context.Context) (*data.Batch, error)
}

// Validate evaluates the state after state.Step updates and returns the run's
// metric. Larger is better.
type Validate func(ctx context.Context, state *State, maskProbs []float64) (checkpoints.Metric, error)

// RunConfig is a run around a compiled step. Fields with a yaml name
// are configuration keys of the section train.
type RunConfig struct {
	Dir             string    `yaml:"-"` // the run folder
	Stop            int       `yaml:"-"` // the step to stop after, at most the schedule's total
	LogEvery        int       `yaml:"log_every" doc:"Steps between entries of the log." range:"[1, 1e12]"`
	CheckpointEvery int       `yaml:"checkpoint_every" doc:"Steps between checkpoints." range:"[1, 1e12]"`
	ValidateEvery   int       `yaml:"validate_every" doc:"Steps between validations; 0 validates after the last step only." range:"[0, 1e12]"`
	Keep            int       `yaml:"keep" doc:"Checkpoints kept besides the best." range:"[1, 1e6]"`
	EarlyStop       EarlyStop `yaml:"early_stop,omitempty"`
	// DiskRetry is in minutes.
	DiskRetry     float64 `yaml:"disk_retry" doc:"Minutes that a run whose disk or quota is full waits for space, trying again meanwhile, before it stops; 0 stops it at once." range:"[0, 1e6]"`
	StepsPerEpoch int     `yaml:"-"` // as the loader counts them: complete batches of the training split
	// Saved is what checkpoints state besides step and position. Best is taken from the
	// checkpoint that a run resumes from.
	Saved checkpoints.State `yaml:"-"`
	// Final, if not nil, is called with the last state after its validation, if validations
	// are of a part of the images.
	Final func(ctx context.Context, state *State, maskProbs []float64) error `yaml:"-"`
	// Say, if not nil, is called with what a user should know at once.
	Say func(text string) `yaml:"-"`
	// Progress, if not nil, is called after every step.
	Progress func(Progress) `yaml:"-"`
	// Compiling, if not nil, is called before a step that must be compiled first, with
	// the padded target count. Its error ends the run before that step.
	Compiling func(targets int) error `yaml:"-"`
}

// DefaultRun has the default logging and saving intervals.
func DefaultRun() RunConfig {
	return RunConfig{LogEvery: 50, CheckpointEvery: 5000, Keep: 2, DiskRetry: 60}
}

// Progress describes a finished step.
type Progress struct {
	Step         int // finished steps
	Losses       Losses
	Waited, Took time.Duration // waiting for the batch; the whole step including the wait
}

// DataWait is the share of the step that was spent waiting for its batch.
func (p Progress) DataWait() float64 { return p.Waited.Seconds() / p.Took.Seconds() }

// NonFiniteError reports a step whose loss or gradient is NaN or infinite. Its update
// was not saved.
type NonFiniteError struct {
	Step     int
	Images   []string
	Losses   Losses
	Saved    int    // the step of the newest checkpoint, 0 if there is none
	Captured string // the folder with the batch and the state before the step; empty if it could not be written
}

func (e *NonFiniteError) Error() string {
	replay := ""
	if e.Captured != "" {
		replay = "; cmd/train -replay " + e.Captured + " repeats the step and names the first tensor that is not finite"
	}
	return fmt.Sprintf("train: step %d: loss %v, gradient norm %v with images %s: the run stops; %s (lower train.lr, or look at these images with cmd/data inspect)%s",
		e.Step, e.Losses.Total, e.Losses.GradientNorm, strings.Join(e.Images, ", "), kept(e.Saved), replay)
}

// ErrInterrupted means that a run was asked to stop, has saved its state and can be resumed.
var ErrInterrupted = errors.New("train: interrupted")

// Run trains state from its step to c.Stop: it takes a batch, runs a step, logs,
// saves and validates until the end or an error. If ctx ends, the state is saved and
// the error is [ErrInterrupted], or the reason why it could not be saved. A missing
// validation of the state's step is done first. A run that [EarlyStop] ends has no error.
func Run(ctx context.Context, c RunConfig, step *Step, state *State, batches Batches, validate Validate) error {
	r, err := begin(ctx, c, step, state, validate)
	if err != nil {
		return err
	}
	defer r.record.Close()
	if state.Step > 0 && r.validationDue() {
		if err := r.evaluate(ctx); err != nil {
			return err
		}
	}
	for state.Step < c.Stop && !r.endsEarly() {
		waiting := time.Now()
		batch, stop, err := r.next(ctx, batches)
		if stop {
			return r.interrupted(ctx)
		}
		if err != nil {
			return err
		}
		started := time.Now()
		if err := r.compiling(batch.M); err != nil {
			if ctx.Err() != nil {
				return r.interrupted(ctx)
			}
			return err
		}
		losses, err := step.Run(state, batch)
		if err != nil {
			return err
		}
		if !losses.Finite() {
			return r.nonFinite(ctx, batch, losses)
		}
		p := Progress{Step: state.Step, Losses: losses, Waited: started.Sub(waiting), Took: time.Since(waiting)}
		r.record.add(batch, p)
		if err := r.afterStep(ctx, p); err != nil {
			return err
		}
	}
	return r.finish(ctx)
}

// next is the batch of the next step. stop says that the run is to stop instead.
func (r *run) next(ctx context.Context, batches Batches) (batch *data.Batch, stop bool, err error) {
	batch, err = batches.Next(ctx)
	switch {
	case err != nil:
		err = fmt.Errorf("train: batch of step %d: %w", r.state.Step, err)
	case batch.B != r.step.local():
		err = fmt.Errorf("train: batch of step %d has %d images, the step takes %d", r.state.Step, batch.B, r.step.local())
	}
	stop, err = r.step.agreed(ctx.Err() != nil, err)
	return batch, stop, err
}

// run is the state of [Run] between steps.
type run struct {
	RunConfig
	step        *Step
	state       *State
	validate    Validate
	record      *record
	store       checkpoints.Store
	saved       int // the step of the newest checkpoint, 0 if there is none
	validations validations
	compiled    map[int]bool // padded target counts seen
}

// compiling announces a compilation for a padded target count.
func (r *run) compiling(targets int) error {
	if r.compiled[targets] || r.Compiling == nil {
		return nil
	}
	r.compiled[targets] = true
	return r.Compiling(targets)
}

// begin opens the run folder's log and validations up to the state's step.
func begin(ctx context.Context, c RunConfig, step *Step, state *State, validate Validate) (*run, error) {
	r := &run{RunConfig: c, step: step, state: state, validate: validate, saved: state.Step, compiled: map[int]bool{},
		store: checkpoints.Store{Dir: filepath.Join(c.Dir, "checkpoints"), Keep: c.Keep}}
	err := r.patiently(ctx, "the run's log", func() (err error) {
		if r.validations, err = openValidations(c.Dir, state.Step, c.Saved.Best); err != nil {
			return err
		}
		if err := r.markBest(); err != nil {
			return err
		}
		r.record, err = openRecord(c.Dir, state.Step, r.validations.at(state.Step))
		return err
	})
	if err != nil {
		return nil, err
	}
	r.record.disk, r.record.hosts = r.Disk(), step.hosts()
	return r, nil
}

// afterStep logs, saves and validates what is due after a step.
func (r *run) afterStep(ctx context.Context, p Progress) error {
	done := r.state.Step
	if r.Progress != nil {
		r.Progress(p)
	}
	if done%r.LogEvery == 0 || done == r.Stop {
		if err := r.record.write(ctx, r.entry(p.Losses)); err != nil {
			return r.outOfSpace(err)
		}
	}
	if done%r.CheckpointEvery == 0 {
		if err := r.save(ctx); err != nil {
			return err
		}
	}
	if r.validationDue() {
		return r.evaluate(ctx)
	}
	return nil
}

func (r *run) validationDue() bool {
	return r.ValidateEvery > 0 && r.state.Step%r.ValidateEvery == 0
}

// finish saves and validates the last state unless that has just been done.
func (r *run) finish(ctx context.Context) error {
	if err := r.save(ctx); err != nil {
		return err
	}
	if err := r.evaluate(ctx); err != nil || r.Final == nil {
		return err
	}
	return r.final(ctx)
}

// final evaluates the last state on all images.
func (r *run) final(ctx context.Context) error {
	err := r.patiently(ctx, "the last evaluation", func() error {
		return r.Final(ctx, r.state, r.step.maskProbs(r.state.Step))
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ErrInterrupted
	}
	return fmt.Errorf("train: evaluation on all images after step %d: %w", r.state.Step, err)
}

// interrupted saves the state of a run that was asked to stop.
func (r *run) interrupted(ctx context.Context) error {
	if err := r.save(ctx); err != nil {
		return fmt.Errorf("train: interrupted after step %d and not saved: %w", r.state.Step, err)
	}
	return ErrInterrupted
}

// save writes a checkpoint of the state after its log is on disk, so that a checkpoint
// is never ahead of the log.
func (r *run) save(ctx context.Context) error {
	if r.saved == r.state.Step && r.saved > 0 {
		return nil
	}
	if err := r.patiently(ctx, "the log", r.record.sync); err != nil {
		return err
	}
	state := r.Saved
	state.Epoch = r.state.Step / r.StepsPerEpoch
	state.Position = r.state.Step % r.StepsPerEpoch * r.batchSize()
	state.Best = r.validations.best()
	state.MaskProbs = nil
	for _, p := range r.step.maskProbs(r.state.Step) {
		state.MaskProbs = append(state.MaskProbs, float32(p))
	}
	snapshot := r.state.snapshot(r.step.config.Network.Architecture(), state)
	var err error
	if r.step.writes() {
		err = r.patiently(ctx, fmt.Sprintf("the checkpoint of step %d", r.state.Step), func() error {
			_, err := r.store.Save(snapshot)
			return err
		})
	}
	if _, err := r.step.agreed(false, err); err != nil {
		return err
	}
	r.saved = r.state.Step
	return r.patiently(ctx, "the table of the log", r.record.tabulate)
}

// evaluate validates the state, unless its result is on record, and marks the best
// checkpoint. The state is saved first, so that best can point at it; the result is
// recorded before the link is set, so that a run killed in between sets it when it
// resumes.
func (r *run) evaluate(ctx context.Context) error {
	if r.validate == nil || r.validations.at(r.state.Step) != nil {
		return nil
	}
	if err := r.save(ctx); err != nil {
		return err
	}
	var metric checkpoints.Metric
	err := r.patiently(ctx, fmt.Sprintf("the validation of step %d", r.state.Step), func() (err error) {
		metric, err = r.validate(ctx, r.state, r.step.maskProbs(r.state.Step))
		return err
	})
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, ErrInterrupted) {
			return ErrInterrupted
		}
		return fmt.Errorf("train: validation after step %d: %w", r.state.Step, err)
	}
	metric.Step = r.state.Step
	r.validations = append(r.validations, metric)
	if err := r.patiently(ctx, "the list of validations", func() error { return r.validations.write(r.Dir) }); err != nil {
		return err
	}
	if err := r.patiently(ctx, "the link to the best checkpoint", r.markBest); err != nil {
		return err
	}
	return r.outOfSpace(r.record.evaluated(ctx, metric))
}

// markBest points the link `best` at the checkpoint with the best validation, if that
// checkpoint still exists.
func (r *run) markBest() error {
	best := r.validations.best()
	if best == nil {
		return nil
	}
	err := r.store.MarkBest(best.Step)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
