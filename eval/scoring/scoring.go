package scoring

import (
	"context"
	"sync"

	"eomt/eval/ap"
	"eomt/eval/cocofiles"
	"eomt/eval/iou"
	"eomt/eval/labelfiles"
	"eomt/eval/pq"
)

// Panoptic scores all images by each rule, reading them once. tick, which may be
// nil, is called after each image.
func Panoptic(ctx context.Context, files *cocofiles.Panoptic, rules []pq.Rule, tick func(done int)) ([]pq.Result, error) {
	evaluators, stats := make([]*pq.Evaluator, len(rules)), make([]pq.Stats, len(rules))
	cores := make([]core[pq.Image, pq.ImageStat], len(rules))
	for k, rule := range rules {
		var err error
		if evaluators[k], err = pq.New(rule, files.Classes); err != nil {
			return nil, err
		}
		cores[k] = core[pq.Image, pq.ImageStat]{evaluators[k].Image, stats[k].Add}
	}
	if err := collect(ctx, files, cores, tick); err != nil {
		return nil, err
	}
	results := make([]pq.Result, len(rules))
	for k, e := range evaluators {
		results[k] = e.Result(&stats[k])
	}
	return results, nil
}

// Instances scores all images by each rule, reading them once. tick, which may
// be nil, is called after each image.
func Instances(ctx context.Context, files *cocofiles.Instances, rules []ap.Rule, tick func(done int)) ([]ap.Result, error) {
	evaluators, stats := make([]*ap.Evaluator, len(rules)), make([]ap.Stats, len(rules))
	cores := make([]core[ap.Image, ap.ImageStat], len(rules))
	for k, rule := range rules {
		var err error
		if evaluators[k], err = ap.New(rule, files.Classes); err != nil {
			return nil, err
		}
		cores[k] = core[ap.Image, ap.ImageStat]{evaluators[k].Image, stats[k].Add}
	}
	if err := collect(ctx, files, cores, tick); err != nil {
		return nil, err
	}
	results := make([]ap.Result, len(rules))
	for k, e := range evaluators {
		results[k] = e.Result(&stats[k])
	}
	return results, nil
}

// Semantic scores all images by each rule, which counts absent classes, reading
// them once, and by Boundary IoU too where boundaries is set. tick, which may be
// nil, is called after each image.
func Semantic(ctx context.Context, pairs *labelfiles.Pairs, rules []iou.Absent, boundaries bool, tick func(done int)) ([]iou.Result, error) {
	// The rules differ in the means only, so that one evaluator counts for all.
	f := pairs.Format
	var stats iou.Stats
	counter := iou.New(f.Classes, f.Labels, f.Labels, f.Absent)
	counter.Boundaries = boundaries
	cores := []core[iou.Image, iou.ImageStat]{{counter.Image, stats.Add}}
	if err := collect(ctx, pairs, cores, tick); err != nil {
		return nil, err
	}
	results := make([]iou.Result, len(rules))
	for k, rule := range rules {
		results[k] = iou.New(f.Classes, f.Labels, f.Labels, rule).Result(&stats)
	}
	return results, nil
}

// source gives images by index, from any goroutine.
type source[Image any] interface {
	Len() int
	Image(i int) (Image, error)
}

// core is a metric: score is safe for concurrent use, add is not.
type core[Image, Stat any] struct {
	score func(Image) (Stat, error)
	add   func(Stat) error
}

// collect scores every image with every core.
func collect[Image, Stat any](ctx context.Context, images source[Image], cores []core[Image, Stat], tick func(done int)) error {
	var adding sync.Mutex
	return Each(ctx, images.Len(), tick, func(i int) error {
		img, err := images.Image(i)
		if err != nil {
			return err
		}
		for _, c := range cores {
			stat, err := c.score(img)
			if err != nil {
				return err
			}
			adding.Lock()
			err = c.add(stat)
			adding.Unlock()
			if err != nil {
				return err
			}
		}
		return nil
	})
}
