package experiment

import (
	"context"
	"fmt"
	"io"
	"sort"

	"github.com/gomlx/compute"

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
	Devices      []compute.DeviceNum // which share out the images of a step
	Targets      int                 // per image, the most there can be
	Compiled     [2]PlanPoint
	Limit        int64  // bytes of a device's memory to fit in; 0: not known
	LimitIs      string // what the limit is
	Fitted       bool   // whether the derived values of Config are those that train.fit gives

	recomputed *Plan // with train.remat=blocks, where no shares fit without
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
	device, choice, err := backend.StartDevices(o.Backend, c.Train.Devices.Devices.Least(), o.Notes)
	if err != nil {
		return nil, err
	}
	p.Backend, p.Targets = choice.Name, data.Bucket(p.Architecture.Queries)
	if p.Devices, err = c.Train.Devices.Devices.Choose(device.NumDevices(), p.Config.Data.Loader.Batch/p.shares(), choice.OnProcessor()); err != nil {
		return nil, fmt.Errorf("%w (backend %s)", err, choice.Name)
	}
	p.limit(device, 0)
	if o.Memory > 0 {
		p.Limit, p.LimitIs = o.Memory, "-memory"
	}
	display := o.Watch.start("plan", len(p.Compiled), "", 1)
	defer display.Finish()
	planner := planner{device, network, display}
	if err := planner.compile(ctx, p); err != nil {
		return nil, err
	}
	if p.Config.Train.Fit != "" {
		return p, p.fit(ctx, planner.compile)
	}
	if err := p.auto(ctx, planner.compile); err != nil {
		return nil, err
	}
	return p, p.recompute(ctx, planner.compile)
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

// limit sets the memory to fit in: what is stated, or what the device has. On the
// processor that is what is free, in equal parts; held is what the state already takes.
func (p *Plan) limit(device compute.Backend, held int64) {
	switch fit := p.Config.Train.Fit; {
	case fit != "":
		p.Limit, _ = memory.Parse(fit) // which configs has checked
		p.LimitIs = "train.fit"
	case backend.Choice{Name: p.Backend}.OnProcessor():
		p.Limit, p.LimitIs = memory.Available(), "free on this machine"
		if p.Limit > 0 {
			p.Limit = p.Limit/int64(p.devices()) + held
		}
	default:
		p.Limit, p.LimitIs = backend.DeviceMemory(device), "of the device"
	}
}

// shares are how many a step cuts its batch into.
func (p *Plan) shares() int { return p.Config.Shares() }

// atOnce are the images that a device has in memory at once.
func (p *Plan) atOnce() int { return p.Config.Data.Loader.Batch / p.shares() / p.devices() }

// devices are how many share out the images.
func (p *Plan) devices() int { return max(len(p.Devices), 1) }

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

// accumulate is the smallest train.accumulate of at least so much that fits in the
// limit; 0 where there is none.
func (p *Plan) accumulate(least int) int {
	batch := p.Config.Data.Loader.Batch
	for n := least; n <= batch; n++ {
		if batch%(n*p.devices()) == 0 && p.of(n).Peak() <= p.Limit {
			return n
		}
	}
	return 0
}

// of is about what the batch in so many shares takes.
func (p *Plan) of(shares int) train.Memory {
	images := p.Config.Data.Loader.Batch / shares / p.devices()
	if shares == 1 {
		return p.At(images)
	}
	return p.inShares(images)
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
