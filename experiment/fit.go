package experiment

import (
	"context"
	"fmt"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"

	"eomt/configs"
	"eomt/data"
	"eomt/internal/memory"
	"eomt/model"
	"eomt/train"
)

// FitError is training that needs more memory than its device has.
type FitError struct {
	Batch       string // what does not fit, as configured
	Need, Limit int64  // bytes; Limit 0 where it is not known
	LimitIs     string // what the limit is
	Advice      string // what to set
	Cause       error  // the backend's, where it ran out of memory; otherwise nil
}

func (e *FitError) Error() string {
	text := fmt.Sprintf("training does not fit: %s takes %s", e.Batch, memory.Format(e.Need))
	switch {
	case e.Cause != nil:
		text += " and the backend ran out of memory"
	case e.Limit > 0:
		text += fmt.Sprintf(", %s is there (%s)", memory.Format(e.Limit), e.LimitIs)
	}
	return text + ": " + e.Advice
}

func (e *FitError) Unwrap() error { return e.Cause }

// tooLarge is the error of a plan that does not fit.
func (p *Plan) tooLarge(cause error) *FitError {
	return &FitError{Batch: p.batch(), Need: p.At(p.atOnce()).Peak(), Limit: p.Limit, LimitIs: p.LimitIs, Advice: p.smaller(), Cause: cause}
}

// fit derives what train.fit asks for, and makes p the plan of that. Estimates are
// checked by compiling what they lead to.
func (p *Plan) fit(ctx context.Context, compile func(context.Context, *Plan) error) error {
	if !p.Known() {
		return &configs.FieldError{Source: p.Config.Name, Field: "train.fit",
			Reason: fmt.Sprintf("the compiler of backend %s reports no memory: take -backend xla:cpu or xla:cuda, or state train.accumulate", p.Backend)}
	}
	for {
		for n := p.accumulate(p.shares()); n > 0; n = p.accumulate(n + 1) {
			fitted := *p
			fitted.Config.Derived.Accumulate, fitted.Fitted = n, true
			if n != p.shares() {
				if err := compile(ctx, &fitted); err != nil {
					return err
				}
			}
			if fitted.At(fitted.atOnce()).Peak() <= p.Limit {
				*p = fitted
				return nil
			}
		}
		if p.Config.Remat() == string(model.RematBlocks) {
			return p.tooLarge(nil)
		}
		p.Config.Derived.Remat = string(model.RematBlocks)
		if err := compile(ctx, p); err != nil {
			return err
		}
	}
}

// recompute compiles the plan with train.remat=blocks, where no shares fit without.
func (p *Plan) recompute(ctx context.Context, compile func(context.Context, *Plan) error) error {
	if !p.Known() || p.Limit <= 0 || p.accumulate(p.shares()) > 0 || p.Config.Remat() == string(model.RematBlocks) {
		return nil
	}
	q := *p
	q.Config.Derived.Remat = string(model.RematBlocks)
	if err := compile(ctx, &q); err != nil {
		return err
	}
	p.recomputed = &q
	return nil
}

// fit derives what the run's train.fit, or without it train.remat=auto, asks for.
func (r *Run) fit(ctx context.Context) error {
	derive, said, title := (*Plan).fit, (*Plan).chosen, "fit into "+r.Config.Train.Fit
	if r.Config.Train.Fit == "" {
		if r.Config.Train.Remat != configs.RematAuto {
			return nil
		}
		derive, said, title = (*Plan).auto, (*Plan).found, "train.remat=auto"
	}
	p := r.plan(data.Bucket(r.Architecture.Queries), 0)
	display := r.options.Watch.start(title, len(p.Compiled), "", 1)
	defer display.Finish()
	planner := planner{r.device, r.network, display}
	if err := planner.compile(ctx, p); err != nil {
		return err
	}
	if err := derive(p, ctx, planner.compile); err != nil {
		return err
	}
	r.Config.Derived = p.Config.Derived
	fmt.Fprintf(r.options.Notes, "%s\n", said(p))
	return nil
}

// plan is a plan of this run, not compiled yet, of which the process already holds so
// many bytes.
func (r *Run) plan(targets int, held int64) *Plan {
	p := &Plan{Config: r.Config, Architecture: r.Architecture, Backend: r.choice.Name, Devices: r.devices, Targets: targets}
	p.limit(r.device, held)
	return p
}

// held is what the state takes in the memory of the process.
func (r *Run) held() (bytes int64) {
	for _, list := range append([][]*tensors.Tensor{r.State.Params, r.State.Buffers}, values(r.State.Slots)...) {
		for _, t := range list {
			if t != nil {
				bytes += int64(t.Shape().ByteSize())
			}
		}
	}
	return bytes
}

func values(slots map[string][]*tensors.Tensor) (lists [][]*tensors.Tensor) {
	for _, list := range slots {
		lists = append(lists, list)
	}
	return lists
}

// fits compiles the step for batches of so many targets, as the run is about to do,
// and refuses one that takes more than the limit of p. The plan's table goes to the
// notes. What the backend's compiler does not report is not refused.
func (r *Run) fits(ctx context.Context, step *train.Step, p *Plan) error {
	if p.Limit <= 0 {
		return nil
	}
	m, err := compiled(ctx, step, p.atOnce(), p.Targets, p.shares() > 1)
	if err != nil || !m.Known || m.Peak() <= p.Limit {
		return err
	}
	return r.tooLarge(ctx, step, p, nil)
}

// tooLarge prints what training takes and returns what to do about it. cause is
// returned where that cannot be found out.
func (r *Run) tooLarge(ctx context.Context, step *train.Step, p *Plan, cause error) error {
	display := r.options.Watch.start("what would fit", len(p.Compiled), "", 1)
	planner := planner{r.device, r.network, display}
	err := planner.compileWith(ctx, p, step)
	if err == nil {
		err = p.recompute(ctx, planner.compile)
	}
	display.Finish()
	switch {
	case err != nil && cause != nil:
		return cause
	case err != nil:
		return err
	case !p.Known():
		return fmt.Errorf("training does not fit: %s: state a larger train.accumulate: %w", p.batch(), cause)
	}
	if peak := p.At(p.atOnce()).Peak(); cause != nil && (p.Limit <= 0 || peak <= p.Limit) {
		p.Limit, p.LimitIs = peak-1, "less than what it takes now"
	}
	if err := p.Write(r.options.Notes); err != nil {
		return err
	}
	return p.tooLarge(cause)
}

// outOfMemory says whether an error is the backend's, for want of memory. XLA states
// it in the text only.
func outOfMemory(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "RESOURCE_EXHAUSTED") || strings.Contains(err.Error(), "Out of memory"))
}
