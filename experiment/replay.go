package experiment

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/configs"
	"eomt/internal/backend"
	"eomt/model"
	"eomt/train"
)

// ReplayOptions are what the replay of a captured step needs.
type ReplayOptions struct {
	Dir       string   // the captured folder, RUN/nonfinite/step-NNNNNNNN
	Config    string   // file in place of the folder's config.yaml; empty for that
	Overrides []string // key=value over it
	Backend   string   // as [Options.Backend]

	Notes io.Writer // as [Options.Notes]
}

// Replayed is a step that was captured because it was not finite, done again.
type Replayed struct {
	Step   int
	Images []string // of the batch
	Losses train.Losses
	Found  []train.Finding // none if the step is finite this time
}

// Replay repeats a captured step. It needs no data set.
func Replay(ctx context.Context, o ReplayOptions) (*Replayed, error) {
	if o.Notes == nil {
		o.Notes = io.Discard
	}
	own := filepath.Join(o.Dir, configFile)
	before, err := configs.ReadResolved(own)
	if err != nil {
		return nil, fmt.Errorf("replay: %w (want the folder that a run named when it stopped, RUN/nonfinite/step-NNNNNNNN)", err)
	}
	if o.Config == "" {
		o.Config = own
	}
	c, err := configs.Read(o.Config, o.Overrides...)
	if err != nil {
		return nil, err
	}
	resolved, a, err := Resolve(c, before.Derived.Images, before.Derived.Classes)
	if err != nil {
		return nil, err
	}
	batch, err := train.ReadCapturedBatch(o.Dir)
	if err != nil {
		return nil, err
	}
	state, err := restored(o.Dir, a)
	if err != nil {
		return nil, err
	}
	network, err := model.New(a)
	if err != nil {
		return nil, err
	}
	device, _, err := backend.Start(o.Backend, o.Notes)
	if err != nil {
		return nil, err
	}
	step, err := train.NewStep(device, StepConfig(resolved, network))
	if err != nil {
		return nil, err
	}
	r := &Replayed{Step: state.Step, Images: batch.Names}
	r.Losses, r.Found, err = step.Replay(state, batch)
	return r, err
}

// restored is the state of a checkpoint folder.
func restored(dir string, a arch.Architecture) (*train.State, error) {
	loaded, err := checkpoints.Load(dir)
	if err != nil {
		return nil, err
	}
	defer loaded.Close()
	state, err := train.Restore(a, loaded.Snapshot)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", loaded.Path, err)
	}
	return state, nil
}

// Write prints what was found, the first of it as the answer.
func (r *Replayed) Write(w io.Writer) {
	fmt.Fprintf(w, "step %d with %d images: loss %v, gradient norm %v\n", r.Step, len(r.Images), r.Losses.Total, r.Losses.GradientNorm)
	if len(r.Found) == 0 {
		fmt.Fprintln(w, "the step is finite this time: backend, precision or configuration differ from the run's, or the images of another host made it so")
		return
	}
	tensors := r.byTensor()
	fmt.Fprintf(w, "first tensor that is not finite: %s\n", r.describe(tensors[0]))
	for i, same := range tensors[1:] {
		if i == printedFindings {
			fmt.Fprintf(w, "and %d more\n", len(tensors)-1-i)
			break
		}
		fmt.Fprintf(w, "then: %s\n", r.describe(same))
	}
}

// printedFindings is how many tensors are printed after the first: what follows from it
// is long.
const printedFindings = 12

// byTensor groups what was found in one tensor of several images.
func (r *Replayed) byTensor() (groups [][]train.Finding) {
	for _, f := range r.Found {
		if n := len(groups); n > 0 && groups[n-1][0].What == f.What {
			groups[n-1] = append(groups[n-1], f)
		} else {
			groups = append(groups, []train.Finding{f})
		}
	}
	return groups
}

// describe says where values are not finite in a tensor.
func (r *Replayed) describe(same []train.Finding) string {
	first := same[0]
	text := fmt.Sprintf("%s, %d of %d values", first.What, first.Bad, first.Of)
	if first.Image >= 0 {
		text += fmt.Sprintf(" of image %d (%s)", first.Image, r.Images[first.Image])
	}
	if more := len(same) - 1; more > 0 {
		text += fmt.Sprintf(", and in %d more of %d images", more, len(r.Images))
	}
	return text
}
