// Command train trains a configured model, saving checkpoints and logs into a
// run folder, and evaluates it. The result goes to standard output, progress to
// standard error. Start reading at run.go.
package main

import (
	"context"
	"os"

	"eomt/configs"
	"eomt/experiment"
	"eomt/internal/backend"
	"eomt/internal/cli"
	"eomt/internal/memory"
)

func main() {
	backend.HugePages()
	cli.Main("train", run)
}

// options are the command line.
type options struct {
	config, out, backend     string
	replay                   string // a captured step to repeat
	resume                   resume
	maxSteps                 int
	printConfig, printParams bool
	plan                     bool
	memory                   int64 // bytes, for the plan; 0 where not stated
	overrides                cli.Overrides
}

func parse(args []string) (options, error) {
	var o options
	f := cli.Flags("train", "go run ./cmd/train -config FILE [-set key=value ...] [-out DIR] [-resume [auto]] [-max-steps N] [-print-config] [-print-params] [-plan [-memory 24GiB]]\n       go run ./cmd/train -replay DIR [-config FILE] [-set key=value ...]",
		"go run ./cmd/train -config configs/quickstart.yaml -set train.total_steps=500 -out runs/try")
	f.StringVar(&o.config, "config", "", "configuration `FILE`")
	f.Var(&o.overrides, "set", "`key=value` over the configuration, such as data.batch=4; may be repeated")
	f.StringVar(&o.out, "out", "", "run `folder`; by default runs/NAME of the configuration")
	f.Var(&o.resume, "resume", "resume from the latest checkpoint in the run folder; -resume auto starts where there is none, for a scheduler that runs one command again and again")
	f.IntVar(&o.maxSteps, "max-steps", 0, "stop after step `N` without changing the schedules; 0 runs to the end")
	f.BoolVar(&o.printConfig, "print-config", false, "print the resolved configuration and exit")
	f.BoolVar(&o.printParams, "print-params", false, "print every parameter with shape, group and learning rate, and exit")
	f.BoolVar(&o.plan, "plan", false, "compile the step, print the memory it takes, the largest batch that fits and what to set, and exit")
	limit := f.String("memory", "", "`size` of a device's memory for -plan, such as 24GiB or 80GB; by default the free memory of this machine, on a CPU backend")
	f.StringVar(&o.replay, "replay", "", "repeat the step that a run captured in `folder` because it was not finite, and name the first tensor that is not; -config and -set change the run's configuration for it")
	f.StringVar(&o.backend, "backend", "", "xla:cuda, xla:cpu or go; by default GOMLX_BACKEND, otherwise the best available")
	if err := cli.Parse(f, joinAuto(args)); err != nil {
		return o, err
	}
	if *limit != "" {
		var err error
		if o.memory, err = memory.Parse(*limit); err != nil {
			return o, cli.Usagef("-memory: %v", err)
		}
	}
	switch {
	case f.NArg() > 0:
		return o, cli.Usagef("unexpected argument %q", f.Arg(0))
	case o.config == "" && o.replay == "":
		return o, cli.Usagef("-config is missing: the configuration file, such as configs/quickstart.yaml")
	case o.maxSteps < 0:
		return o, cli.Usagef("-max-steps %d: want a positive number", o.maxSteps)
	case o.memory > 0 && !o.plan:
		return o, cli.Usagef("-memory is for -plan only: add -plan")
	case o.replay != "" && (o.plan || o.printConfig || o.printParams || o.resume.Resume != experiment.ResumeNever || o.out != "" || o.maxSteps > 0):
		return o, cli.Usagef("-replay takes -config, -set and -backend only")
	case o.plan && (o.printConfig || o.printParams):
		return o, cli.Usagef("-plan cannot be combined with -print-config or -print-params")
	}
	return o, nil
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.replay != "" {
		return o.replayStep(ctx, os.Stdout)
	}
	c, err := configs.Read(o.config, o.overrides...)
	if err != nil {
		return err
	}
	if o.printConfig || o.printParams {
		return o.print(os.Stdout, c)
	}
	if o.plan {
		return o.printPlan(ctx, os.Stdout, c)
	}
	return o.train(ctx, c)
}
