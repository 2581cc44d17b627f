package bundle

import (
	"context"
	"errors"
	"fmt"
	"os"

	"eomt/data"
	"eomt/eval"
	"eomt/eval/report"
	"eomt/eval/report/page"
)

// Source is one run with one evaluation. Everything but Name and Stored is optional.
type Source struct {
	Name   string
	Stored *eval.Stored
	Step   int    // that was evaluated; 0 if unknown
	Group  string // the same for runs that differ by their seed only
	// Benchmark is the published data set whose validation images were evaluated,
	// as [report.PublishedFigures] takes it; empty for any other data set.
	Benchmark string
	Data      string // the data set in words
	// Dataset opens the evaluated split, for pictures.
	Dataset     func(context.Context) (data.DatasetCloser, error)
	Steps       []page.Step
	Validations []page.Validation
	Costs       []page.Field
	Provenance  []page.Field
	Commands    []page.Command // that make the run and its figures again
}

// Options configure a report.
type Options struct {
	Bootstrap report.Bootstrap
	Commands  []page.Command // that make and check the report again
	// Progress, which may be nil, is called with the resamples that are done, from
	// several goroutines.
	Progress func(done, total int)
}

// Summary describes what [Write] wrote.
type Summary struct {
	Numbers  int
	Warnings []string // what is missing, and why
}

// named is a source with the names of its runs in the report.
type named struct {
	Source
	runs map[eval.Protocol]string
}

// Write makes the report of all sources in dir, the first of which the others are
// compared with. Sources of one name are numbered.
func Write(ctx context.Context, dir string, sources []Source, o Options) (*Summary, error) {
	all := distinct(sources)
	runs, err := protocols(all)
	if err != nil {
		return nil, err
	}
	analysis, err := report.Analyse(ctx, runs, o.Bootstrap, o.Progress)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("report: make folder: %w", err)
	}
	if err := errors.Join(report.WritePerImage(dir, runs, analysis.Bootstrap), analysis.WriteResults(dir), analysis.WriteTables(dir)); err != nil {
		return nil, err
	}
	s := &Summary{Numbers: len(analysis.Numbers)}
	content, err := s.fill(ctx, analysis, all)
	if err != nil {
		return nil, err
	}
	content.Commands = o.Commands
	return s, page.Write(dir, content)
}

// distinct gives every source a unique name, and one per protocol of its evaluation.
func distinct(sources []Source) []*named {
	taken := map[string]bool{}
	all := make([]*named, len(sources))
	for i, s := range sources {
		name := s.Name
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s (%d)", s.Name, n)
		}
		taken[name] = true
		s.Name = name
		all[i] = &named{s, map[eval.Protocol]string{}}
		for _, r := range s.Stored.Records {
			if r.Exact != nil {
				all[i].runs[eval.Exact] = name
			}
			if r.Upstream != nil {
				all[i].runs[eval.Upstream] = name + " (upstream protocol)"
			}
		}
	}
	return all
}

// protocols are the runs of all sources, one for each protocol.
func protocols(all []*named) ([]report.Run, error) {
	var runs []report.Run
	for _, s := range all {
		for _, p := range []eval.Protocol{eval.Exact, eval.Upstream} {
			name, ok := s.runs[p]
			if !ok {
				continue
			}
			r, err := report.NewRun(report.Info{Name: name, Step: s.Step, Group: s.Group, Benchmark: s.Benchmark}, p, s.Stored)
			if err != nil {
				return nil, err
			}
			runs = append(runs, r)
		}
	}
	return runs, nil
}
