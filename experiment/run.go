package experiment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gomlx/compute"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/configs"
	"eomt/data"
	"eomt/data/loader"
	"eomt/eval"
	"eomt/internal/backend"
	"eomt/internal/memory"
	"eomt/model"
	"eomt/train"
)

// Options are what a run needs besides its configuration.
type Options struct {
	Dir      string // run folder; empty: runs/NAME of the configuration
	Backend  string // xla:cuda, xla:cpu or go; empty: GOMLX_BACKEND, otherwise the best available
	Resume   Resume // whether to continue the run in Dir
	MaxSteps int    // stop after this step without changing any schedule; 0: the whole run

	// Hosts are the processes that train together, with one Run each; nil is this one
	// alone.
	Hosts train.Hosts

	// Notes gets remarks, such as which backend was chosen; nil discards them.
	Notes io.Writer
	// Results gets the table of each evaluation; nil discards them.
	Results io.Writer
	// Watch, if not nil, displays the progress of each lengthy part.
	Watch Watch
}

// Resume is whether a run continues the one in its folder.
type Resume int

const (
	ResumeNever  Resume = iota // a new run, in a folder without one
	ResumeAlways               // from the latest checkpoint, which must be there
	ResumeAuto                 // from the latest checkpoint, or a new run if there is none
)

// checkTime bounds how long a run looks for broken validation images before it starts.
const checkTime = time.Minute

// Run is a run that is ready to start: its data sets are open and checked, and its
// state is loaded. It holds the lock of its folder until Close.
type Run struct {
	Config       configs.Resolved
	Architecture arch.Architecture
	Classes      []data.Class // of the data set, in the order of the network's class outputs
	State        *train.State // trained in place

	options   Options
	resuming  bool // from a checkpoint in the folder
	lock      *train.Lock
	train     data.DatasetCloser
	val       data.DatasetCloser
	device    compute.Backend
	devices   []compute.DeviceNum // of it, that the run computes on
	choice    backend.Choice
	network   model.Network
	saved     checkpoints.State
	batches   *loader.Loader
	lastEval  *eval.Result
	predictor *model.Predictor // of validations, on the first device; nil before the first
	topology  []string         // of the processes of a run on several hosts, a line each
	aside     string           // the folder of a process that does not write into the run's
	closed    bool
}

// Open prepares a run: it locks the folder, opens and compares the data sets,
// derives what follows from them, loads or initialises the state and writes
// config.yaml and provenance.json. Everything that would end the run later and can be
// checked now is checked, so that it does not fail after hours of training.
func Open(ctx context.Context, c configs.Config, o Options) (_ *Run, err error) {
	if o.Notes == nil {
		o.Notes = io.Discard
	}
	if o.Results == nil {
		o.Results = io.Discard
	}
	if o.Dir == "" {
		o.Dir = filepath.Join("runs", c.Name)
	}
	o.quieten()
	r := &Run{options: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	space := c.Train.Run.Disk()
	space.Say = r.note
	if r.rank() == 0 {
		err = space.Do(ctx, "the lock of the run folder", func() (err error) {
			r.lock, err = train.LockFolder(o.Dir)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if err := r.checkFolder(); err != nil {
		return nil, err
	}
	if r.device, r.choice, err = backend.StartDevices(o.Backend, c.Train.Devices.Devices.Least(), o.Notes); err != nil {
		return nil, err
	}
	if err := r.openData(ctx, c); err != nil {
		return nil, err
	}
	if err := r.chooseDevices(); err != nil {
		return nil, err
	}
	if err := r.fit(ctx); err != nil {
		return nil, err
	}
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	if err := r.assemble(); err != nil {
		return nil, err
	}
	if err := r.moveAside(); err != nil {
		return nil, err
	}
	feed := c.Data.Loader
	feed.Seed, feed.Start = c.Seed, r.State.Step
	feed.Batch, feed.ShardIndex, feed.ShardCount = feed.Batch/r.hosts(), r.rank(), r.hosts()
	feed.Transform = c.Data.Augment.Train(r.Architecture.ImageH(), r.Architecture.ImageW())
	if r.batches, err = loader.New(r.train, feed); err != nil {
		return nil, err
	}
	return r, space.Do(ctx, "the description of the run", r.describe)
}

// note tells the user something.
func (r *Run) note(text string) { fmt.Fprintln(r.options.Notes, text) }

// openData opens both splits, checks that they fit each other and the evaluation,
// and derives the network and the length of the run.
func (r *Run) openData(ctx context.Context, c configs.Config) (err error) {
	err = r.inTurn(func() (err error) {
		if r.train, err = OpenDataset(ctx, c, "train", r.options.Watch); err == nil {
			r.val, err = OpenDataset(ctx, c, "val", r.options.Watch)
		}
		return err
	})
	if err != nil {
		return err
	}
	r.Classes = r.train.Classes()
	if err := data.CompareClasses(r.Classes, r.val.Classes()); err != nil {
		return err
	}
	if r.Config, r.Architecture, err = Resolve(c, r.train.Len(), len(r.Classes)); err != nil {
		return err
	}
	if r.network, err = model.New(r.Architecture); err != nil {
		return err
	}
	if err := Evaluation(c, r.Architecture).Check(r.val); err != nil {
		return err
	}
	display := r.options.Watch.start("check validation images", r.val.Len(), "", 1)
	defer display.Finish()
	checked, err := eval.CheckImages(ctx, r.val, checkTime, func(done, _ int) { display.Set(done, "") })
	if err == nil && checked < r.val.Len() {
		fmt.Fprintf(r.options.Notes, "%d of %d validation images were checked in %v\n", checked, r.val.Len(), checkTime)
	}
	return err
}

// Train compiles the step and trains to the end of the run, with logs, checkpoints
// and validations as configured. Where ctx ends first, the state is saved and the
// error wraps [train.ErrInterrupted]; a run that resumes continues from there.
func (r *Run) Train(ctx context.Context) error {
	sc := StepConfig(r.Config, r.network)
	sc.Devices, sc.Hosts = r.devices, r.options.Hosts
	step, err := train.NewStep(r.device, sc)
	if err != nil {
		return err
	}
	if err := step.Place(r.State); err != nil {
		return err
	}
	if trained, total := train.Trained(r.Architecture, step.Groups()); trained < total {
		fmt.Fprintf(r.options.Notes, "training %d of %d parameters (%.2f %%); the others are frozen, and the optimizer's slots take %s instead of %s\n",
			trained, total, 100*float64(trained)/float64(total), memory.Format(step.SlotBytes(trained)), memory.Format(step.SlotBytes(total)))
	}
	stop := r.Config.Derived.Steps
	if r.options.MaxSteps > 0 {
		stop = min(stop, r.options.MaxSteps)
	}
	c := r.Config.Train.Run
	c.Dir, c.Stop, c.StepsPerEpoch, c.Saved = r.options.Dir, stop, r.Config.Derived.StepsPerEpoch, r.saved
	display := r.options.Watch.start("train", stop, "images", r.Config.Data.Loader.Batch)
	defer display.Finish()
	c.Say = func(text string) {
		display.Pause()
		r.note(text)
	}
	room := r.plan(0, r.held())
	c.Compiling = func(targets int) error {
		display.Phase(fmt.Sprintf("compiling for %d targets per image", targets))
		room.Targets = targets
		return r.fits(ctx, step, room)
	}
	c.Progress = func(p train.Progress) {
		display.Set(p.Step, fmt.Sprintf("loss %.3f, %.0f%% data wait", p.Losses.Total, 100*p.DataWait()))
	}
	if n := r.Config.Eval.Limit; n > 0 && n < r.val.Len() {
		c.Final = func(ctx context.Context, state *train.State, maskProbs []float64) error {
			display.Pause()
			return r.evaluateWhole(ctx, state, maskProbs)
		}
	}
	validate := func(ctx context.Context, state *train.State, maskProbs []float64) (checkpoints.Metric, error) {
		display.Pause()
		return r.validate(ctx, state, maskProbs)
	}
	err = train.Run(ctx, c, step, r.State, r.batches, validate)
	if outOfMemory(err) {
		return r.tooLarge(ctx, step, room, err)
	}
	if text := compilations(backend.Compilations()); text != "" {
		display.Pause()
		r.note(text)
	}
	return err
}

// Result is the last evaluation that [Run.Train] made; nil before there is one.
func (r *Run) Result() *eval.Result { return r.lastEval }

// Close releases data sets and folder. A second call does nothing.
func (r *Run) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	var errs []error
	if r.batches != nil {
		r.batches.Close()
	}
	if r.predictor != nil {
		r.predictor.Close()
	}
	for _, set := range []data.DatasetCloser{r.train, r.val} {
		if set != nil {
			errs = append(errs, set.Close())
		}
	}
	if r.lock != nil {
		errs = append(errs, r.lock.Release())
	}
	if r.aside != "" {
		errs = append(errs, os.RemoveAll(r.aside))
	}
	return errors.Join(errs...)
}
