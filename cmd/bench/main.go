// Command bench measures speed, memory and operations of this machine's backend:
// whole passes of a model of a published size, and the parts of a training step.
// Start reading at main.go; network.go, criterion.go and loading.go hold what is
// measured, measure.go how, child.go why in separate processes.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"eomt/arch"
	"eomt/internal/backend"
	"eomt/internal/cli"
	"eomt/internal/hardware"
	"eomt/internal/memory"
	"eomt/model"
)

func main() {
	backend.HugePages()
	cli.Main("bench", run)
}

// options are the command line.
type options struct {
	works          []string
	size, network  string
	image, batch   int
	accumulate     int // shares that a step splits its batch into
	targets        int // of an image
	queries        int
	precision      string // of activations and products
	remat          string
	devices        int // that share out a step's images
	growth         []string
	seconds        float64 // to repeat a work
	json, backend  string
	paced          bool
	choice         backend.Choice
	architecture   arch.Architecture // of size, network and image
	forwardedFlags []string          // for a child that measures one of the works
}

func parse(args []string) (options, error) {
	var o options
	f := cli.Flags("bench", `bench [-work forward,step,...] [-network eomt] [-size S|B|L|g] [-image 640] [-batch 1] [-precision f32|bf16] [-accumulate 1] [-remat none|blocks] [-devices 1] [-growth batch,image,...] [-json FILE]

Measures on random weights and targets, after a first run that compiles:
`+summaries()+`
Each work runs in a process of its own, so that its peak memory is its own.
"flops" are multiply-adds of matrix products and convolutions, as the paper
counts them, for the whole batch; a step is taken as three forward passes.
The model has 133 classes. -growth measures one work (step, if none is named) along axes:
`+axesSummary()+`
and fits seconds and temporary memory to a power of what grows. Points that would
take long or more memory than is free, as far as the points before say, are left out.`,
		"go run ./cmd/bench -work forward,step -size S -image 640")
	list := f.String("work", strings.Join(defaults(), ","), "`works` to measure, separated by commas")
	f.StringVar(&o.size, "size", "S", "model size: S, B, L or g")
	f.StringVar(&o.network, "network", arch.EoMT, "network: "+strings.Join(arch.Networks, ", "))
	f.IntVar(&o.image, "image", 640, "image side in `pixels`, a multiple of 16")
	f.IntVar(&o.batch, "batch", 1, "images per batch")
	f.IntVar(&o.accumulate, "accumulate", 1, "equal `shares` that a step splits its batch into and computes one after the other")
	f.IntVar(&o.queries, "queries", 200, "queries of the model")
	f.IntVar(&o.targets, "targets", 10, "targets of each image, at most 128")
	f.StringVar(&o.precision, "precision", "f32", "f32 or bf16: `format` of activations and products of forward, forward_masked and step")
	f.StringVar(&o.remat, "remat", "none", "none or blocks: `what` a step's backward pass computes again")
	f.IntVar(&o.devices, "devices", 1, "devices that share out the images of a step; xla:cpu makes so many of the processor")
	f.Float64Var(&o.seconds, "seconds", 10, "how long each work is repeated, at least three times")
	axes := f.String("growth", "", "`axes` along which the work grows, separated by commas: "+strings.Join(axisNames(), ", "))
	f.StringVar(&o.json, "json", "", "`FILE` to write the results to")
	f.StringVar(&o.backend, "backend", "", "xla:cuda, xla:cpu or go; default GOMLX_BACKEND, otherwise the best available")
	f.BoolVar(&o.paced, "paced", false, `for comparisons that alternate with another program: print "ready" when compiled, then run one work once for each line on standard input, and print its seconds`)
	if err := cli.Parse(f, args); err != nil {
		return o, err
	}
	o.works = strings.Split(*list, ",")
	if *axes != "" {
		o.growth = strings.Split(*axes, ",")
		if *list == strings.Join(defaults(), ",") {
			o.works = []string{"step"}
		}
	}
	if err := o.check(f.Args()); err != nil {
		return o, err
	}
	return o, backend.Check(o.backend)
}

// check validates the options and fills in what follows from them.
func (o *options) check(rest []string) error {
	if len(rest) > 0 {
		return cli.Usagef("unexpected argument %q", rest[0])
	}
	for i, name := range o.works {
		if !slices.Contains(names(), name) {
			return cli.Usagef("-work %q: expected some of %s", name, strings.Join(names(), ", "))
		}
		if slices.Contains(o.works[:i], name) {
			return cli.Usagef("-work names %s twice", name)
		}
	}
	if o.paced && (len(o.works) != 1 || o.works[0] == "startup" || o.works[0] == "flops") {
		return cli.Usagef("-paced takes one work that runs, not %s", strings.Join(o.works, ","))
	}
	if o.batch < 1 {
		return cli.Usagef("-batch %d: must be at least 1", o.batch)
	}
	if o.accumulate < 1 || o.batch%o.accumulate != 0 {
		return cli.Usagef("-accumulate %d: -batch %d does not split into so many equal shares", o.accumulate, o.batch)
	}
	if err := o.checkNetwork(); err != nil {
		return err
	}
	if err := o.checkGrowth(); err != nil {
		return err
	}
	o.choice = backend.Choose(o.backend)
	o.choice.Devices = o.devices
	o.forwardedFlags = o.forwarded()
	return nil
}

// forwarded are the flags of a child that measures one of the works.
func (o *options) forwarded() []string {
	return []string{"-network", o.network, "-size", o.size, "-image", fmt.Sprint(o.image), "-batch", fmt.Sprint(o.batch), "-precision", o.precision,
		"-queries", fmt.Sprint(o.queries), "-targets", fmt.Sprint(o.targets), "-accumulate", fmt.Sprint(o.accumulate), "-remat", o.remat,
		"-devices", fmt.Sprint(o.devices), "-seconds", fmt.Sprint(o.seconds), "-backend", o.choice.Name}
}

// checkNetwork validates what the network is made from.
func (o *options) checkNetwork() error {
	if _, err := arch.Size(o.size); err != nil {
		return cli.Usagef("-size %q: expected S, B, L or g", o.size)
	}
	const patch = 16
	switch {
	case o.image < patch || o.image%patch != 0:
		return cli.Usagef("-image %d: must be a positive multiple of %d", o.image, patch)
	case !slices.Contains(arch.Networks, o.network):
		return cli.Usagef("-network %q: expected one of %s", o.network, strings.Join(arch.Networks, ", "))
	case o.queries < 1:
		return cli.Usagef("-queries %d: must be at least 1", o.queries)
	case o.targets < 1 || o.targets > 128:
		return cli.Usagef("-targets %d: must be 1 to 128", o.targets)
	case !(o.seconds >= 0):
		return cli.Usagef("-seconds %v: must be at least 0", o.seconds)
	case o.precision != "f32" && o.precision != "bf16":
		return cli.Usagef("-precision %q: expected f32 or bf16", o.precision)
	case o.remat != string(model.RematNone) && o.remat != string(model.RematBlocks):
		return cli.Usagef("-remat %q: expected none or blocks", o.remat)
	case o.devices < 1 || o.batch/o.accumulate%o.devices != 0:
		return cli.Usagef("-devices %d: %d images at once cannot be split over them equally", o.devices, o.batch/o.accumulate)
	case o.devices > 1 && !slices.Equal(o.works, []string{"step"}):
		return cli.Usagef("-devices %d: only -work step runs on several devices", o.devices)
	}
	s := arch.DefaultSettings()
	s.Network, s.Size, s.Image, s.Queries = o.network, o.size, [2]int{o.image, o.image}, o.queries
	var err error
	if o.architecture, err = s.Architecture(133); err != nil {
		return cli.Usagef("%v", err)
	}
	return nil
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	results := Results{Machine: hardware.Host().String() + ", " + runtime.GOOS, Backend: o.choice.Name}
	fmt.Fprintln(os.Stderr, o.choice)
	for _, axis := range o.growth {
		grown, err := o.grow(ctx, axis)
		if err != nil {
			return fmt.Errorf("growth of %s: %w", axis, err)
		}
		results.Growth = append(results.Growth, grown)
	}
	if len(o.growth) > 0 {
		o.works = nil
	}
	for _, name := range o.works {
		result, err := o.measure(ctx, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		results.Results = append(results.Results, result)
	}
	if !o.paced {
		results.WriteMarkdown(os.Stdout)
	}
	for _, g := range results.Growth {
		g.write(os.Stdout)
	}
	if o.json == "" {
		return nil
	}
	raw, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the results: %w", err)
	}
	return os.WriteFile(o.json, append(raw, '\n'), 0o644)
}

// measure returns one work's result, measured in this process if it is the only one.
func (o options) measure(ctx context.Context, name string) (Result, error) {
	result := Result{Work: name, Network: o.network, Size: o.size, Image: o.image, Batch: o.batch, Devices: o.devices, Queries: o.queries, Targets: o.targets,
		Processor: hardware.Host().Processor, DType: "float32", Precision: o.precision}
	if !slices.Contains([]string{"forward", "forward_masked", "step", "startup"}, name) {
		result.Precision = "f32"
	}
	switch {
	case name == "startup":
		return o.startup(ctx, result)
	case len(o.works) > 1:
		fmt.Fprintf(os.Stderr, "%s ...\n", name)
		return o.child(ctx, name)
	}
	w, err := prepareWork(ctx, name, o)
	if err != nil {
		return result, err
	}
	defer w.close()
	result.Parameters, result.FLOPs = w.parameters, w.multiplyAdds
	if w.dtype != "" {
		result.DType = w.dtype
	}
	seconds, err := o.time(ctx, w)
	if err != nil {
		return result, err
	}
	result.setSeconds(seconds)
	result.PeakRSS = memory.Peak()
	if w.temporary != nil {
		result.Temporary = w.temporary()
	}
	return result, nil
}
