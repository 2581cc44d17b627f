package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"eomt/cmd/report/page"
	"eomt/eval"
	"eomt/eval/report"
	"eomt/internal/progress"
)

// report makes the report of all named runs.
func (o options) report(ctx context.Context) error {
	folders := make([]*folder, len(o.paths))
	for i, path := range o.paths {
		var err error
		if folders[i], err = readFolder(path, o.which); err != nil {
			return err
		}
	}
	nameFolders(folders)
	runs, err := analysed(folders)
	if err != nil {
		return err
	}
	bar := progress.Start("bootstrap", len(runs)*report.DefaultBootstrap.Resamples)
	analysis, err := report.Analyse(ctx, runs, report.DefaultBootstrap, func(done, _ int) { bar.Set(done, "") })
	bar.Finish()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o777); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if err := errors.Join(report.WritePerImage(o.out, runs, analysis.Bootstrap), analysis.WriteResults(o.out), analysis.WriteTables(o.out)); err != nil {
		return err
	}
	laidOut, err := o.fill(ctx, analysis, folders)
	if err != nil {
		return err
	}
	if err := page.Write(o.out, laidOut); err != nil {
		return err
	}
	fmt.Printf("%s: page, tables, figures and %d numbers of %d runs\n", filepath.Join(o.out, "report.html"), len(analysis.Numbers), len(folders))
	return nil
}

// analysed are the runs of all folders, one a protocol.
func analysed(folders []*folder) ([]report.Run, error) {
	var runs []report.Run
	for _, f := range folders {
		for _, p := range []eval.Protocol{eval.Exact, eval.Upstream} {
			name, ok := f.names[p]
			if !ok {
				continue
			}
			r, err := report.NewRun(report.Info{Name: name, Step: f.step, Group: f.group}, p, f.stored)
			if err != nil {
				return nil, err
			}
			runs = append(runs, r)
		}
	}
	return runs, nil
}

// nameFolders gives every folder a name of its own, and every protocol that it
// was evaluated by.
func nameFolders(folders []*folder) {
	taken := map[string]bool{}
	for _, f := range folders {
		name := f.base
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s (%d)", f.base, n)
		}
		taken[name] = true
		f.name, f.names = name, map[eval.Protocol]string{}
		for _, r := range f.stored.Records {
			if r.Exact != nil {
				f.names[eval.Exact] = name
			}
			if r.Upstream != nil {
				f.names[eval.Upstream] = name + " (upstream protocol)"
			}
		}
	}
}

// absent says whether a file is not there.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
