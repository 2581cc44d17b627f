package report

import (
	"math"

	"eomt/eval"
	"eomt/eval/ap"
	"eomt/eval/iou"
	"eomt/eval/pq"
)

// figure is a number that is also computed for resamples of the images.
type figure struct {
	metric, class string
	kind          Kind
	value         float64 // NaN if it is not defined
}

// scorer computes the figures of a run's images, each counted weights[i] times
// (nil: once), always in the same order. It is safe for concurrent use.
type scorer interface {
	figures(weights []int) []figure
	// headline is the first figure of image i alone.
	headline(i int) float64
}

func newScorer(r *Run) (scorer, error) {
	labels := r.labels()
	switch r.Task {
	case eval.Panoptic:
		rule := pq.Exact
		if r.Protocol == eval.Upstream {
			rule = pq.Upstream
		}
		e, err := pq.New(rule, r.Classes)
		return &panoptic{e, panopticStats(r), labels}, err
	case eval.Instance:
		rule := ap.Exact
		if r.Protocol == eval.Upstream {
			rule = ap.Upstream
		}
		e, err := ap.New(rule, r.Classes)
		if err != nil {
			return nil, err
		}
		stats := instanceStats(r)
		return &instance{e, stats, e.Collect(stats), labels}, nil
	}
	return &semantic{iou.New(r.Classes, nil, nil, r.Absent), semanticStats(r), labels}, nil
}

type panoptic struct {
	evaluator *pq.Evaluator
	stats     []pq.ImageStat
	labels    []string
}

func (p *panoptic) figures(weights []int) []figure {
	r := p.evaluator.Weighted(p.stats, weights)
	list := make([]figure, 0, 9+6*len(r.PerClass))
	for _, part := range []struct {
		suffix string
		mean   pq.Mean
	}{{"", r.All}, {"_things", r.Things}, {"_stuff", r.Stuff}} {
		m := part.mean
		list = append(list,
			figure{metric: "PQ" + part.suffix, value: defined(m.PQ, m.N > 0)},
			figure{metric: "SQ" + part.suffix, value: defined(m.SQ, m.N > 0)},
			figure{metric: "RQ" + part.suffix, value: defined(m.RQ, m.N > 0)})
	}
	for i, c := range r.PerClass {
		present, label := c.TP+c.FP+c.FN > 0, p.labels[i]
		list = append(list,
			figure{"PQ", label, Fraction, defined(c.PQ, present)},
			figure{"SQ", label, Fraction, defined(c.SQ, c.TP > 0)},
			figure{"RQ", label, Fraction, defined(c.RQ, present)},
			figure{"TP", label, Count, float64(c.TP)},
			figure{"FP", label, Count, float64(c.FP)},
			figure{"FN", label, Count, float64(c.FN)})
	}
	return list
}

func (p *panoptic) headline(i int) float64 {
	r := p.evaluator.Weighted(p.stats[i:i+1], nil)
	// Even under the rule that counts absent classes as 0, the image's own classes are used.
	sum, n := 0., 0.
	for _, c := range r.PerClass {
		if c.TP+c.FP+c.FN > 0 {
			sum += c.PQ
			n++
		}
	}
	return defined(sum/n, n > 0)
}

type instance struct {
	evaluator *ap.Evaluator
	stats     []ap.ImageStat
	collected *ap.Collected
	labels    []string
}

func (p *instance) figures(weights []int) []figure {
	r := p.collected.Result(weights)
	list := make([]figure, 0, 12+len(r.PerClass))
	for _, f := range []struct {
		name  string
		value float64
	}{{"AP", r.AP}, {"AP50", r.AP50}, {"AP75", r.AP75}, {"APs", r.APs}, {"APm", r.APm}, {"APl", r.APl},
		{"AR1", r.AR1}, {"AR10", r.AR10}, {"AR100", r.AR100}, {"ARs", r.ARs}, {"ARm", r.ARm}, {"ARl", r.ARl}} {
		list = append(list, figure{metric: f.name, value: defined(f.value, f.value >= 0)})
	}
	for i, c := range r.PerClass {
		list = append(list, figure{"AP", p.labels[i], Fraction, defined(c.AP, c.AP >= 0)})
	}
	return list
}

func (p *instance) headline(i int) float64 {
	r := p.evaluator.Collect(p.stats[i : i+1]).Result(nil)
	return defined(r.AP, r.AP >= 0)
}

type semantic struct {
	evaluator *iou.Evaluator
	stats     []iou.ImageStat
	labels    []string
}

func (p *semantic) figures(weights []int) []figure {
	r := p.evaluator.Weighted(p.stats, weights)
	list := []figure{
		{metric: "mIoU", value: r.MIoU}, {metric: "mIoU_present", value: r.MIoUPresent},
		{metric: "pixel_accuracy", value: r.PixelAccuracy}, {metric: "mean_accuracy", value: r.MeanAccuracy},
		{metric: "frequency_weighted_IoU", value: r.WeightedIoU},
	}
	for i, c := range r.PerClass {
		list = append(list,
			figure{"IoU", p.labels[i], Fraction, defined(c.IoU, c.Present)},
			figure{"accuracy", p.labels[i], Fraction, defined(c.Accuracy, c.Present)})
	}
	return list
}

func (p *semantic) headline(i int) float64 {
	r := p.evaluator.Weighted(p.stats[i:i+1], nil)
	return defined(r.MIoUPresent, len(p.stats[i].Cells) > 0)
}

func defined(value float64, is bool) float64 {
	if !is {
		return math.NaN()
	}
	return value
}
