package runs

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"eomt/data"
	"eomt/data/formats"
	"eomt/eval/report/bundle"
	"eomt/eval/report/page"
	"eomt/internal/cli"
	"eomt/train"
)

// Source is the run as package bundle makes reports of it.
func (r *Run) Source() bundle.Source {
	s := bundle.Source{Name: r.Name, Stored: r.Evaluation, Step: r.Step, Group: r.group, Benchmark: r.benchmark(),
		Steps: steps(r.Entries), Validations: r.Validations, Costs: r.costs(), Provenance: r.facts(), Commands: r.commands()}
	if c := r.Config; c != nil {
		s.Data = fmt.Sprintf("%s (%s)", c.Data.Format, c.Data.Root)
		s.Dataset = r.validationSplit
	}
	return s
}

// validationSplit opens the data set of the run. Shapes that are gone are not
// generated again.
func (r *Run) validationSplit(ctx context.Context) (data.DatasetCloser, error) {
	c := r.Config
	o := c.OpenOptions("val")
	o.Shapes = nil
	return formats.Open(ctx, c.Data.Format, o)
}

// benchmark is the name of the format whose published validation split was
// evaluated: its number of images and its class table are the authors'.
func (r *Run) benchmark() string {
	if r.Config == nil {
		return ""
	}
	c := r.Config
	format, err := formats.Named(c.Data.Format)
	if err != nil || c.Data.Format == "shapes" {
		return ""
	}
	images, classes, ok := format.Published(c.OpenOptions("val"))
	same := func(a, b data.Class) bool { return a.ID == b.ID && a.Name == b.Name && a.Thing == b.Thing }
	if !ok || images != len(r.Evaluation.Records) || !slices.EqualFunc(classes, r.Evaluation.Classes, same) {
		return ""
	}
	return format.Name
}

func steps(entries []train.Entry) []page.Step {
	list := make([]page.Step, len(entries))
	for i, e := range entries {
		list[i] = page.Step{Step: e.Step, Loss: e.Loss, LossMask: e.LossMask, LossDice: e.LossDice, LossClass: e.LossClass,
			RateHead: e.RateHead, RateBackbone: e.RateBackbone, MaskProbs: e.MaskProbs, GradientNorm: e.GradientNorm,
			ImagesPerSec: e.ImagesPerSec, DataWait: e.DataWait}
	}
	return list
}

// commands make the run and its figures again. The resolved configuration says
// what the run did in the end, also where options were changed on resume.
func (r *Run) commands() []page.Command {
	var list []page.Command
	if r.Provenance != nil {
		list = checkouts(r.Provenance.Starts())
	}
	if r.Config != nil && r.Provenance != nil {
		list = append(list, page.Command{Does: "Train from its resolved configuration",
			Line: fmt.Sprintf("go run ./cmd/train -config %s -out %s", cli.Quote(filepath.Join(r.Path, "config.yaml")), cli.Quote(r.Path+"-repeated"))})
	}
	if r.Step > 0 {
		list = append(list, page.Command{Does: "Evaluate again", Line: again(r.Path, r.Step)})
	}
	return list
}

// checkouts go back to the code of each start, where it is not that of the start before.
func checkouts(starts []train.Start) []page.Command {
	var list []page.Command
	commit := ""
	for _, s := range starts {
		if s.Commit == "" || s.Commit == train.UnknownCommit || s.Commit == commit {
			continue
		}
		does := "Go back to its code"
		if s.Step > 0 {
			does = fmt.Sprintf("The code that it was resumed with after step %d", s.Step)
		}
		if commit = s.Commit; s.Dirty {
			does += ", which had changes that are not committed"
		}
		list = append(list, page.Command{Does: does, Line: "git checkout " + commit})
	}
	return list
}
