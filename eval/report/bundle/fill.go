package bundle

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"eomt/eval"
	"eomt/eval/report"
	"eomt/eval/report/page"
)

// form is the page's format for a kind of numbers.
func form(k report.Kind) page.Form {
	return map[report.Kind]page.Form{report.Fraction: page.Percent, report.Difference: page.Points,
		report.Decimal: page.Decimal, report.Count: page.Count}[k]
}

// value, low and high are a number's parts as the page takes them.
func value(n report.Number) page.Number {
	return page.Number{Key: n.Key(), Value: n.Value, Form: form(n.Kind)}
}

func low(n report.Number) page.Number {
	return page.Number{Key: n.LowKey(), Value: n.Low, Form: form(n.Kind)}
}

func high(n report.Number) page.Number {
	return page.Number{Key: n.HighKey(), Value: n.High, Form: form(n.Kind)}
}

// classColumns are the columns of the class table, by task.
var classColumns = map[eval.Task][]string{
	eval.Panoptic: {"PQ", "SQ", "RQ", "TP", "FP", "FN"},
	eval.Instance: {"AP"},
	eval.Semantic: {"IoU", "accuracy"},
}

// metrics are the figures of the page's first table, by task.
var metrics = map[eval.Task][]string{
	eval.Panoptic: {"PQ", "SQ", "RQ", "PQ_things", "SQ_things", "RQ_things", "PQ_stuff", "SQ_stuff", "RQ_stuff"},
	eval.Instance: {"AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"},
	eval.Semantic: {"mIoU", "mIoU_present", "pixel_accuracy", "mean_accuracy", "frequency_weighted_IoU"},
}

// fill lays out the analysis and what the sources know besides.
func (s *Summary) fill(ctx context.Context, a *report.Analysis, all []*named) (page.Content, error) {
	task := a.Runs[0].Task
	out := page.Content{Task: string(task), Title: title(all)}
	for i := range a.Runs {
		r := &a.Runs[i]
		source := all[slices.IndexFunc(all, func(n *named) bool { return n.runs[r.Protocol] == r.Name })]
		run, err := s.fillRun(ctx, a, r, source)
		if err != nil {
			return out, err
		}
		out.Runs = append(out.Runs, run)
		if i == 0 {
			out.Data = fmt.Sprintf("%s, %d images of the validation split", cmp.Or(source.Data, "data set unknown"), len(r.Images))
		}
	}
	for _, p := range a.Pairs {
		for _, m := range metrics[task] {
			n := a.Number(p.Name(), m)
			out.Compared = append(out.Compared, page.Difference{Metric: metricName(m), A: p.A, B: p.B,
				Value: value(n), Low: low(n), High: high(n), Images: value(a.Number(p.Name(), "images"))})
		}
	}
	for _, spread := range a.Seeds {
		for _, m := range metrics[task] {
			out.Seeds = append(out.Seeds, page.Spread{Metric: metricName(m), Runs: spread.Runs, Mean: value(a.Number(spread.Name(), m)),
				Deviation: value(a.Number(spread.Name(), report.Deviation(m)))})
		}
	}
	for _, p := range a.Published() {
		out.Published = append(out.Published, page.Published{Model: p.Model, Data: p.Data, Metric: p.Metric, Value: p.Value, Source: report.PublishedSource})
	}
	return out, nil
}

// metricName is a metric's display name.
func metricName(m string) string { return strings.ReplaceAll(m, "_", " ") }

func title(all []*named) string {
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more runs", names[0], len(names)-1)
	}
	return strings.Join(names, ", ")
}

// fillRun fills in one run under one protocol. What does not depend on the protocol is
// shown only with the exact one, if present.
func (s *Summary) fillRun(ctx context.Context, a *report.Analysis, r *report.Run, source *named) (page.Run, error) {
	run := page.Run{Name: r.Name, Note: note(r), Classes: classTable(a, r)}
	for _, m := range metrics[r.Task] {
		n := a.Number(r.Name, m)
		figure := page.Figure{Name: metricName(m), Value: value(n), Images: value(a.Number(r.Name, "images"))}
		if n.Low <= n.High { // not where they are NaN
			figure.Low, figure.High = low(n), high(n)
		}
		run.Headline = append(run.Headline, figure)
	}
	if _, both := source.runs[eval.Exact]; both && r.Protocol != eval.Exact {
		return run, nil
	}
	run.Steps, run.Validations, run.Costs = source.Steps, source.Validations, source.Costs
	run.Confusion, run.Calibration = confusion(r), calibration(a, r)
	run.Provenance, run.Commands = source.Provenance, source.Commands
	var err error
	run.Examples, err = source.examples(ctx, a, r)
	if _, left := err.(*pictureError); left {
		s.Warnings = append(s.Warnings, fmt.Sprintf("run %s has no pictures: %v", r.Name, err))
		run.Note += "; no pictures: " + err.Error()
		err = nil
	}
	if run.Examples != nil {
		run.ErrorLegend = errorLegend(r.Task)
	}
	return run, err
}

func note(r *report.Run) string {
	text := "official protocol"
	if r.Protocol == eval.Upstream {
		text = "the reference implementation's protocol"
	}
	if r.Step > 0 {
		text = fmt.Sprintf("weights of step %d, %s", r.Step, text)
	}
	return text
}

func classTable(a *report.Analysis, r *report.Run) page.ClassTable {
	t := page.ClassTable{Columns: classColumns[r.Task]}
	labels, _ := r.ConfusionNames()
	for i, c := range r.Classes {
		row := page.ClassRow{ID: c.ID, Name: c.Name}
		if r.Task == eval.Panoptic {
			if row.Kind = "stuff"; c.Thing {
				row.Kind = "thing"
			}
		}
		for _, m := range t.Columns {
			row.Values = append(row.Values, value(a.Number(r.Name, m, labels[i])))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func confusion(r *report.Run) *page.Confusion {
	c := &page.Confusion{Key: report.Key(r.Name, report.ConfusionMetric), Unit: r.ConfusionUnit()}
	c.Truth, c.Predicted = r.ConfusionNames()
	for _, row := range r.Confusion() {
		counts := make([]float64, len(row))
		for i, n := range row {
			counts[i] = float64(n)
		}
		c.Counts = append(c.Counts, counts)
	}
	return c
}

// calibration is nil if the task's predictions have no scores, or there is none.
func calibration(a *report.Analysis, r *report.Run) *page.Calibration {
	if !r.Calibrated() {
		return nil
	}
	c := &page.Calibration{Unit: r.ConfusionUnit(), Error: value(a.Number(r.Name, report.CalibrationError))}
	for i, bin := range report.Bins() {
		count := a.Number(r.Name, report.CalibrationCount, bin)
		if count.Value == 0 {
			continue
		}
		c.Bins = append(c.Bins, page.Bin{Low: float64(i) / 10, High: float64(i+1) / 10, Count: value(count),
			MeanScore: value(a.Number(r.Name, report.CalibrationScore, bin)), MeanIoU: value(a.Number(r.Name, report.CalibrationIoU, bin))})
	}
	if c.Bins == nil {
		return nil
	}
	return c
}
