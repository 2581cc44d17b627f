// Command report reports on one run, or compares several: a page that opens offline,
// figures, LaTeX tables, and Parquet files from which every printed number follows.
// Package experiment/runs reads run folders, package eval/report/bundle writes the
// report.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"eomt/eval/report"
	"eomt/eval/report/bundle"
	"eomt/eval/report/page"
	"eomt/experiment/runs"
	"eomt/internal/cli"
	"eomt/internal/progress"
)

func main() { cli.Main("report", run) }

// options are the command line.
type options struct {
	out, which string
	paths      []string
}

const usage = "go run ./cmd/report RUN_DIR ... [-out DIR] [-evaluation latest|best]\n       go run ./cmd/report verify DIR"

func parse(args []string) (options, error) {
	var o options
	f := cli.Flags("report", usage, "go run ./cmd/report runs/a runs/b -out comparison && go run ./cmd/report verify comparison")
	f.StringVar(&o.out, "out", "", "`folder` for report.html, tables.tex, figures/ and the Parquet files; by default RUN_DIR/report for one run, otherwise report")
	f.StringVar(&o.which, "evaluation", "latest", "which evaluation of a run: `latest`, or best for the best checkpoint's")
	for rest := args; ; { // flags may follow folders
		if err := cli.Parse(f, rest); err != nil {
			return o, err
		}
		if f.NArg() == 0 {
			break
		}
		o.paths, rest = append(o.paths, f.Arg(0)), f.Args()[1:]
	}
	switch {
	case len(o.paths) == 0:
		return o, cli.Usagef("name at least one run folder")
	case o.which != string(runs.Latest) && o.which != string(runs.Best):
		return o, cli.Usagef("-evaluation %s: want latest or best", o.which)
	}
	if o.out == "" {
		if o.out = "report"; len(o.paths) == 1 {
			o.out = filepath.Join(o.paths[0], "report")
		}
	}
	return o, nil
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "verify" {
		return verify(ctx, args[1:])
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	var sources []bundle.Source
	for _, path := range o.paths {
		r, err := runs.Read(path, runs.Which(o.which))
		if err != nil {
			return err
		}
		warn(r.Warnings)
		sources = append(sources, r.Source())
	}
	tick, finish := bar()
	summary, err := bundle.Write(ctx, o.out, sources, bundle.Options{Bootstrap: report.DefaultBootstrap, Commands: o.commands(), Progress: tick})
	finish()
	if err != nil {
		return err
	}
	warn(summary.Warnings)
	runs := "one run"
	if len(sources) > 1 {
		runs = fmt.Sprintf("%d runs", len(sources))
	}
	fmt.Printf("%s: page, tables, figures and %d numbers of %s\n", filepath.Join(o.out, page.File), summary.Numbers, runs)
	return nil
}

func verify(ctx context.Context, args []string) error {
	f := cli.Flags("report", "go run ./cmd/report verify DIR", "go run ./cmd/report verify runs/quickstart/report")
	switch err := cli.Parse(f, args); {
	case err != nil:
		return err
	case f.NArg() != 1:
		return cli.Usagef("verify: name one report folder")
	}
	tick, finish := bar()
	count, differences, err := bundle.Verify(ctx, f.Arg(0), tick)
	finish()
	if err != nil {
		return err
	}
	for _, d := range differences {
		fmt.Println(d)
	}
	if len(differences) > 0 {
		return fmt.Errorf("verify %s: numbers that differ: %d", f.Arg(0), len(differences))
	}
	fmt.Printf("%s: %d numbers recomputed, all as printed\n", f.Arg(0), count)
	return nil
}

// commands make and check this report again.
func (o options) commands() []page.Command {
	line := "go run ./cmd/report"
	for _, path := range o.paths {
		line += " " + cli.Quote(path)
	}
	line += " -out " + cli.Quote(o.out)
	if o.which != string(runs.Latest) {
		line += " -evaluation " + o.which
	}
	return []page.Command{{Does: "Make this report", Line: line},
		{Does: "Compute every number again", Line: "go run ./cmd/report verify " + cli.Quote(o.out)}}
}

func warn(lines []string) {
	if len(lines) > 0 {
		fmt.Fprintln(os.Stderr, "report: "+strings.Join(lines, "\nreport: "))
	}
}

// bar shows the progress of resampling from the first resample on.
func bar() (tick func(done, total int), finish func()) {
	var shown *progress.Progress
	var start sync.Once
	tick = func(done, total int) {
		start.Do(func() { shown = progress.Start("bootstrap", total) })
		shown.Set(done, "")
	}
	return tick, func() {
		if shown != nil {
			shown.Finish()
		}
	}
}
