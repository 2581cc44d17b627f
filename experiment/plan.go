package experiment

import (
	"context"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/gomlx/compute/dtypes"

	"eomt/arch"
	"eomt/configs"
	"eomt/data"
	"eomt/internal/backend"
	"eomt/internal/memory"
	"eomt/model"
	"eomt/train"
)

// PlanOptions are what a plan needs besides the configuration.
type PlanOptions struct {
	Backend string // as [Options.Backend]
	Memory  int64  // of a device, in bytes; 0: what this machine has free, on its processor

	Notes io.Writer // as [Options.Notes]
	Watch Watch     // as [Options.Watch]
}

// Plan is what training a configuration takes on its device, by the backend's compiler.
type Plan struct {
	Config       configs.Resolved
	Architecture arch.Architecture
	Backend      string
	Targets      int // per image, the most there can be
	Compiled     [2]PlanPoint
	Limit        int64  // bytes of memory to fit in; 0: not known
	LimitIs      string // what the limit is
}

// PlanPoint is what so many images at once take, as compiled.
type PlanPoint struct {
	Images int
	train.Memory
}

// NewPlan compiles the step of a configuration for two numbers of images, one of them
// its own, and asks the compiler what each takes. It needs no data set: counts are the published ones.
func NewPlan(ctx context.Context, c configs.Config, o PlanOptions) (*Plan, error) {
	images, classes, err := Counts(c)
	if err != nil {
		return nil, err
	}
	p := &Plan{}
	if p.Config, p.Architecture, err = Resolve(c, images, classes); err != nil {
		return nil, err
	}
	network, err := model.New(p.Architecture)
	if err != nil {
		return nil, err
	}
	if o.Notes == nil {
		o.Notes = io.Discard
	}
	device, choice, err := backend.Start(o.Backend, o.Notes)
	if err != nil {
		return nil, err
	}
	p.Backend, p.Targets = choice.Name, data.Bucket(p.Architecture.Queries)
	p.limit(o.Memory)
	step, err := train.NewStep(device, StepConfig(p.Config, network))
	if err != nil {
		return nil, err
	}
	display := o.Watch.start("plan", len(p.Compiled), "", 1)
	defer display.Finish()
	for i, images := range planned(p.atOnce()) {
		display.Phase("compiling for " + count(images, "image"))
		m, err := compiled(ctx, step, images, p.Targets, p.shares() > 1)
		if err != nil {
			return nil, err
		}
		p.Compiled[i] = PlanPoint{images, m}
		display.Set(i+1, "")
	}
	return p, nil
}

// planned are the numbers of images to compile for, ascending, where so many are
// configured. One image is compiled only where it is configured: axes of length 1
// vanish from its program, so that a line through it leads astray.
func planned(atOnce int) [2]int {
	if atOnce < 4 {
		return [2]int{atOnce, 8}
	}
	return [2]int{2, atOnce}
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

// limit sets the memory to fit in.
func (p *Plan) limit(given int64) {
	onProcessor := p.Backend == backend.GoName || strings.HasPrefix(p.Backend, "go:") || strings.HasPrefix(p.Backend, "xla:cpu")
	switch {
	case given > 0:
		p.Limit, p.LimitIs = given, "-memory"
	case onProcessor:
		p.Limit, p.LimitIs = memory.Available(), "free on this machine"
	}
}

// shares are how many a step cuts its batch into.
func (p *Plan) shares() int { return max(p.Config.Train.Accumulate, 1) }

// atOnce are the images that a step has in memory at once.
func (p *Plan) atOnce() int { return p.Config.Data.Loader.Batch / p.shares() }

// At is what so many images at once take: as compiled, or along the line through both
// numbers that were.
func (p *Plan) At(images int) train.Memory {
	first, second := p.Compiled[0], p.Compiled[1]
	if images == second.Images {
		return second.Memory
	}
	m := first.Memory
	line := func(at1, at2 int64) int64 {
		slope := float64(at2-at1) / float64(second.Images-first.Images)
		return max(at1+int64(slope*float64(images-first.Images)), 0)
	}
	m.Program = backend.Memory{
		Arguments: line(first.Program.Arguments, second.Program.Arguments),
		Outputs:   line(first.Program.Outputs, second.Program.Outputs),
		Temporary: line(first.Program.Temporary, second.Program.Temporary),
		Aliased:   first.Program.Aliased,
	}
	return m
}

// inShares is about what a share of so many images takes, where the whole batch is
// compiled: no slots among the arguments, gradients in place of the next state.
func (p *Plan) inShares(images int) train.Memory {
	m := p.At(images)
	if !m.Shares {
		m.Shares = true
		m.Program.Arguments -= m.Slots
		m.Program.Outputs = m.Gradients
	}
	return m
}

// accumulate is the smallest train.accumulate above the configured one that fits in
// the limit; 0 where there is none.
func (p *Plan) accumulate() int {
	batch := p.Config.Data.Loader.Batch
	for n := p.shares() + 1; n <= batch; n++ {
		if batch%n == 0 && p.inShares(batch/n).Peak() <= p.Limit {
			return n
		}
	}
	return 0
}

// Known says whether the backend's compiler reports memory.
func (p *Plan) Known() bool { return p.Compiled[0].Known }

// mostImages bounds the search for the largest batch.
const mostImages = 1 << 16

// Largest is how many images at once fit in the limit, at most 65536.
func (p *Plan) Largest() int {
	return sort.Search(mostImages, func(n int) bool { return p.At(n+1).Peak() > p.Limit })
}

func count(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
