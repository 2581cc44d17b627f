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
	json, backend  string
	paced          bool
	choice         backend.Choice
	architecture   arch.Architecture // of size, network and image
	forwardedFlags []string          // for a child that measures one of the works
}

func parse(args []string) (options, error) {
	var o options
	f := cli.Flags("bench", `bench [-work forward,step,...] [-size S|B|L|g] [-network eomt] [-image 640] [-batch 1] [-accumulate 1] [-json FILE]

Measures on random weights and targets, after a first run that compiles:
`+summaries()+`
Each work runs in a process of its own, so that its peak memory is its own.
"flops" are multiply-adds of matrix products and convolutions, as the paper
counts them, for the whole batch; a step is taken as three forward passes.
The model has 200 queries and 133 classes; an image has 10 targets.`,
		"go run ./cmd/bench -work forward,step -size S -image 640")
	list := f.String("work", strings.Join(names(), ","), "`works` to measure, separated by commas")
	f.StringVar(&o.size, "size", "S", "model size: S, B, L or g")
	f.StringVar(&o.network, "network", arch.EoMT, "network: "+strings.Join(arch.Networks, ", "))
	f.IntVar(&o.image, "image", 640, "image side in `pixels`, a multiple of 16")
	f.IntVar(&o.batch, "batch", 1, "images per batch")
	f.IntVar(&o.accumulate, "accumulate", 1, "equal `shares` that a step splits its batch into and computes one after the other")
	f.StringVar(&o.json, "json", "", "`FILE` to write the results to")
	f.StringVar(&o.backend, "backend", "", "xla:cuda, xla:cpu or go; default GOMLX_BACKEND, otherwise the best available")
	f.BoolVar(&o.paced, "paced", false, `for comparisons that alternate with another program: print "ready" when compiled, then run one work once for each line on standard input, and print its seconds`)
	if err := cli.Parse(f, args); err != nil {
		return o, err
	}
	o.works = strings.Split(*list, ",")
	return o, o.check(f.Args())
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
	a, err := arch.Size(o.size)
	if err != nil {
		return cli.Usagef("-size %q: expected S, B, L or g", o.size)
	}
	if o.image < a.Patch || o.image%a.Patch != 0 {
		return cli.Usagef("-image %d: must be a positive multiple of %d", o.image, a.Patch)
	}
	if !slices.Contains(arch.Networks, o.network) {
		return cli.Usagef("-network %q: expected one of %s", o.network, strings.Join(arch.Networks, ", "))
	}
	a = a.ForNetwork(o.network)
	a.Grid = [2]int{o.image / a.Patch, o.image / a.Patch}
	if err := a.Validate(); err != nil {
		return cli.Usagef("%v", err)
	}
	o.architecture = a
	o.choice = backend.Choose(o.backend)
	o.forwardedFlags = []string{"-size", o.size, "-network", o.network, "-image", fmt.Sprint(o.image), "-batch", fmt.Sprint(o.batch),
		"-accumulate", fmt.Sprint(o.accumulate), "-backend", o.choice.Name}
	return backend.Check(o.backend)
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	results := Results{Machine: hardware.Host().String() + ", " + runtime.GOOS, Backend: o.choice.Name}
	fmt.Fprintln(os.Stderr, o.choice)
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
	result := Result{Work: name, Size: o.size, Network: o.network, Image: o.image, Batch: o.batch, Processor: hardware.Host().Processor, DType: "float32"}
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
