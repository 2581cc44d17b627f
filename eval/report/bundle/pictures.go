package bundle

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"io/fs"

	"eomt/data"
	"eomt/data/overlay"
	"eomt/eval"
	"eomt/eval/report"
	"eomt/eval/report/page"
)

// pictureError states why a run has no pictures; the report is made without them.
type pictureError struct{ error }

// examples draws the run's best, median and worst images from its data set and
// its stored predictions.
func (n *named) examples(ctx context.Context, a *report.Analysis, r *report.Run) ([]page.Example, error) {
	if n.Dataset == nil {
		return nil, &pictureError{errors.New("the data set is unknown: there is no config.yaml")}
	}
	set, err := n.Dataset(ctx)
	if err != nil {
		return nil, &pictureError{fmt.Errorf("the data set cannot be opened: %w", err)}
	}
	defer set.Close()
	records := map[int]eval.Record{}
	for _, record := range n.Stored.Records {
		records[record.Index] = record
	}
	var list []page.Example
	for _, e := range r.Examples() {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		drawn, err := n.draw(set, records[e.Image.Index])
		if err != nil {
			return nil, &pictureError{err}
		}
		drawn.Kind, drawn.Image, drawn.Metric = e.Kind, e.Image.Name, report.Headline(r.Task)
		drawn.Score = value(a.Number(r.Name, report.ImageMetric, e.Image.Name))
		list = append(list, drawn)
	}
	return list, nil
}

// draw makes the four pictures of one image.
func (n *named) draw(set data.Dataset, r eval.Record) (page.Example, error) {
	if r.Index >= set.Len() || set.Info(r.Index).Name != r.Name {
		return page.Example{}, fmt.Errorf("the data set has changed: its image %d is not %s", r.Index, r.Name)
	}
	p, err := n.Stored.Prediction(r)
	if errors.Is(err, fs.ErrNotExist) {
		return page.Example{}, fmt.Errorf("the predictions of this evaluation were not kept")
	}
	if err != nil {
		return page.Example{}, err
	}
	truth, err := set.Load(r.Index)
	if err != nil {
		return page.Example{}, err
	}
	if truth.Image.W != r.W || truth.Image.H != r.H {
		return page.Example{}, fmt.Errorf("the data set has changed: %s is %d x %d pixels, was %d x %d", r.Name, truth.Image.W, truth.Image.H, r.W, r.H)
	}
	predicted, _ := p.Targets(truth.Image, eval.SureScore)
	return page.Example{
		Photo:      overlay.Plain(truth.Image),
		Prediction: overlay.Draw(predicted, n.Stored.Classes),
		Truth:      overlay.Draw(truth, n.Stored.Classes),
		Errors:     overlay.Plain(errorMap(truth, predicted, n.Stored)),
		Legend:     legend(n.Stored.Classes, truth, predicted),
	}, nil
}

// legend has the classes that are in any of the samples.
func legend(classes []data.Class, samples ...*data.Sample) []page.Swatch {
	in := make([]bool, len(classes))
	for _, s := range samples {
		for _, instance := range s.Instances {
			in[instance.Class] = true
		}
	}
	var list []page.Swatch
	for i, c := range classes {
		if in[i] {
			list = append(list, page.Swatch{Name: c.Name, Color: color.RGBA{c.Color[0], c.Color[1], c.Color[2], 255}})
		}
	}
	return list
}
