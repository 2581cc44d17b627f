package main

import (
	"os"
	"path/filepath"

	"eomt/eval"
	"eomt/internal/cli"
	"eomt/segment"
)

// options are the command line.
type options struct {
	network              segment.Flags
	config               string
	protocol, save, json string
	limit                int
	overrides            cli.Overrides
}

func parse(args []string) (options, error) {
	var o options
	f := cli.Flags("eval", "go run ./cmd/eval -config FILE -weights PATH [-protocol exact|upstream|both] [-limit N] [-save-predictions DIR] [-json FILE]",
		"go run ./cmd/eval -config configs/quickstart.yaml -weights runs/quickstart -protocol both -json result.json")
	f.StringVar(&o.config, "config", "", "configuration `FILE`: data set, architecture, thresholds")
	o.network.Define(f)
	o.network.DefineDevices(f)
	f.StringVar(&o.protocol, "protocol", string(eval.Exact), "`rule`: exact (the official tools'), upstream (the reference implementation's own), or both")
	f.IntVar(&o.limit, "limit", 0, "evaluate the first `N` images only; 0 is all")
	f.StringVar(&o.save, "save-predictions", "", "write to this `folder` predictions in the official formats and each image's statistics; cmd/report takes such a folder as a run")
	f.StringVar(&o.json, "json", "", "also write the results to this `FILE`, and beside it, without -save-predictions, one line per image, from which an interrupted evaluation is resumed")
	f.Var(&o.overrides, "set", "`key=value` over the configuration; may be repeated")
	if err := cli.Parse(f, args); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, cli.Usagef("unexpected argument %q", f.Arg(0))
	case o.config == "":
		return o, cli.Usagef("-config is missing: the configuration file")
	case o.protocol != string(eval.Exact) && o.protocol != string(eval.Upstream) && o.protocol != string(eval.Both):
		return o, cli.Usagef("-protocol %s: want exact, upstream or both", o.protocol)
	case o.limit < 0:
		return o, cli.Usagef("-limit %d: want 0 or more images", o.limit)
	}
	if err := o.network.Check(); err != nil {
		return o, cli.Usagef("%v", err)
	}
	if o.json != "" {
		if info, err := os.Stat(filepath.Dir(o.json)); err != nil || !info.IsDir() {
			return o, cli.Usagef("-json %s: its folder does not exist", o.json)
		}
	}
	return o, nil
}
