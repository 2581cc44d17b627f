// Command report makes a report of one run, or of several in comparison: a page
// that opens without a network, figures, LaTeX tables, and Parquet files from
// which every printed number follows. Start reading at report.go; runs.go finds
// what a run folder holds, fill.go lays numbers out, pictures.go draws examples.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"eomt/internal/cli"
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
	f.StringVar(&o.out, "out", "", "`folder` for report.html, tables.tex, figures/ and the Parquet files; by default RUN_DIR/report for one run, else report")
	f.StringVar(&o.which, "evaluation", "latest", "which of a run's evaluations: `latest`, or best for that of the best checkpoint")
	for rest := args; ; { // flags may stand behind folders
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
	case o.which != "latest" && o.which != "best":
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
		return runVerify(ctx, args[1:])
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	return o.report(ctx)
}

func runVerify(ctx context.Context, args []string) error {
	f := cli.Flags("report", "go run ./cmd/report verify DIR", "go run ./cmd/report verify runs/quickstart/report")
	switch err := cli.Parse(f, args); {
	case err != nil:
		return err
	case f.NArg() != 1:
		return cli.Usagef("verify: name one folder of a report")
	}
	count, differences, err := verify(ctx, f.Arg(0))
	if err != nil {
		return err
	}
	for _, d := range differences {
		fmt.Fprintln(os.Stdout, d)
	}
	if len(differences) > 0 {
		return fmt.Errorf("verify %s: numbers that differ: %d", f.Arg(0), len(differences))
	}
	fmt.Printf("%s: %d numbers recomputed, all as printed\n", f.Arg(0), count)
	return nil
}
