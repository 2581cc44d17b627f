package experiment

import (
	"context"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"eomt/internal/backend"
	"eomt/model"
	"eomt/train"
)

// planner compiles training steps of one network, to learn what they take.
type planner struct {
	backend compute.Backend
	network model.Network
	display Display
}

// compile fills in what a plan's own configuration takes.
func (pl planner) compile(ctx context.Context, p *Plan) error {
	c := StepConfig(p.Config, pl.network)
	c.Devices = p.Devices
	step, err := train.NewStep(pl.backend, c)
	if err != nil {
		return err
	}
	return pl.compileWith(ctx, p, step)
}

// compileWith fills in what a plan takes with a step of its configuration. Programs
// that the step has are not compiled again; new ones are not made to run.
func (pl planner) compileWith(ctx context.Context, p *Plan, step *train.Step) error {
	return backend.Quickly(func() error {
		for i, images := range planned(p.atOnce()) {
			pl.display.Phase("compiling for " + count(images, "image"))
			m, err := compiled(ctx, step, images, p.Targets, p.shares() > 1)
			if err != nil {
				return err
			}
			p.Compiled[i] = PlanPoint{images, m}
			pl.display.Set(i+1, "")
		}
		return nil
	})
}

// compiled waits for a compilation, which cannot be stopped, as long as ctx lasts.
func compiled(ctx context.Context, step *train.Step, images, targets int, shares bool) (train.Memory, error) {
	type result struct {
		memory train.Memory
		err    error
	}
	done := make(chan result, 1)
	go func() {
		m, err := step.Memory(images, targets, shares, dtypes.Float32)
		done <- result{m, err}
	}()
	select {
	case r := <-done:
		return r.memory, r.err
	case <-ctx.Done():
		return train.Memory{}, ctx.Err()
	}
}
