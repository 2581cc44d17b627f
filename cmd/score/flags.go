package main

import (
	"flag"
	"os"
	"path/filepath"

	"eomt/internal/cli"
)

// flags are those of one task.
type flags struct {
	*flag.FlagSet
	required []string
	protocol *string
	json     *string
}

func newFlags(task, usage, example string) *flags {
	const command = "go run ./cmd/score "
	f := &flags{FlagSet: cli.Flags("score "+task,
		command+task+" "+usage+" [-protocol exact|upstream|both] [-json FILE]", command+task+" "+example)}
	f.protocol = f.String("protocol", "exact", "`rule`: exact (the official tool's), upstream (the reference implementation's own), or both")
	f.json = f.String("json", "", "also write the results to this `FILE`")
	return f
}

// path adds a flag that must be given.
func (f *flags) path(name, help string) *string {
	f.required = append(f.required, name)
	return f.String(name, "", help)
}

func (f *flags) optional(name, help string) *string { return f.String(name, "", help) }

// parse returns the protocols to score by.
func (f *flags) parse(args []string) ([]string, error) {
	if err := cli.Parse(f.FlagSet, args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, cli.Usagef("unexpected argument %q", f.Arg(0))
	}
	for _, name := range f.required {
		if f.Lookup(name).Value.String() == "" {
			_, help := flag.UnquoteUsage(f.Lookup(name))
			return nil, cli.Usagef("-%s is missing: %s", name, help)
		}
	}
	if *f.json != "" {
		if info, err := os.Stat(filepath.Dir(*f.json)); err != nil || !info.IsDir() {
			return nil, cli.Usagef("-json %s: its folder does not exist", *f.json)
		}
	}
	switch *f.protocol {
	case exact, upstream:
		return []string{*f.protocol}, nil
	case "both":
		return []string{exact, upstream}, nil
	}
	return nil, cli.Usagef("-protocol %s: want %s, %s or both", *f.protocol, exact, upstream)
}

const exact, upstream = "exact", "upstream"

// rules are a metric's rules of the protocols.
func rules[Rule any](protocols []string, ofExact, ofUpstream Rule) []Rule {
	var rules []Rule
	for _, p := range protocols {
		rule := ofExact
		if p == upstream {
			rule = ofUpstream
		}
		rules = append(rules, rule)
	}
	return rules
}
