package pq

import "slices"

// color is what torchmetrics tells segments apart by: a category and an
// instance, which is 0 for all stuff.
type color struct {
	category int
	instance int
}

// matchUpstream is update_metrics_panoptic of training/lightning_module.py at
// tue-mps/eomt 7bd19dd over torchmetrics 1.7.1. Pixels of no listed segment are
// void in ground truth and the discarded class "none" in the prediction.
//
// Differs: with several crowds of one category it takes the one of highest id;
// there Python's set order decides.
func (e *Evaluator) matchUpstream(truth []Segment, truthByID map[int64]int, pred []Segment, predByID map[int64]int, o overlaps, t *tally) {
	// Targets are numbered by ascending id of the segments that have pixels.
	ids := slices.DeleteFunc(sortedKeys(o.truthArea), func(id int64) bool {
		_, listed := truthByID[id]
		return !listed
	})
	if len(ids) == 0 {
		return
	}
	truthColor, crowd := map[int64]color{}, make([]bool, len(ids))
	for i, id := range ids {
		s := truth[truthByID[id]]
		truthColor[id], crowd[i] = e.color(s, i), s.Crowd
	}
	predColor := map[int64]color{}
	for i, s := range pred {
		predColor[s.ID] = e.color(s, i)
	}
	areas := joinColors(o, truthColor, predColor)

	truthMatched, predMatched := map[color]bool{}, map[color]bool{}
	for _, c := range areas.pairs {
		if crowd[c.truth.instance] || c.truth.category != c.pred.category {
			continue
		}
		inter := areas.inter[c]
		union := areas.pred[c.pred] - areas.void[c.pred] + areas.truth[c.truth] - inter
		if iou := float32(inter) / float32(union); iou > 0.5 {
			t.match(c.truth.category, float64(iou))
			truthMatched[c.truth], predMatched[c.pred] = true, true
		}
	}
	crowdOf := map[int]color{}
	for _, c := range areas.truths {
		switch {
		case truthMatched[c]:
		case crowd[c.instance]:
			crowdOf[c.category] = c
		default:
			t.of(c.category).FN++
		}
	}
	for _, c := range areas.preds {
		if predMatched[c] {
			continue
		}
		excused := areas.void[c]
		if crowd, has := crowdOf[c.category]; has {
			excused += areas.inter[colorPair{crowd, c}]
		}
		if float32(excused)/float32(areas.pred[c]) <= 0.5 {
			t.of(c.category).FP++
		}
	}
}

func (e *Evaluator) color(s Segment, instance int) color {
	if !e.thing[s.Category] {
		instance = 0
	}
	return color{s.Category, instance}
}

type colorPair struct{ truth, pred color }

// colorAreas are the overlaps of an image by color. The lists are in the order
// of ascending ids.
type colorAreas struct {
	pairs         []colorPair
	truths, preds []color
	inter         map[colorPair]int
	truth, pred   map[color]int
	void          map[color]int // of a predicted color, on void
}

func joinColors(o overlaps, truthColor, predColor map[int64]color) colorAreas {
	a := colorAreas{inter: map[colorPair]int{}, truth: map[color]int{}, pred: map[color]int{}, void: map[color]int{}}
	for _, p := range o.pairs {
		n := o.area[p]
		t, inTruth := truthColor[p.truth]
		c, inPred := predColor[p.pred]
		if inTruth {
			a.truths = addArea(a.truths, a.truth, t, n)
		}
		if inPred {
			a.preds = addArea(a.preds, a.pred, c, n)
		}
		switch {
		case inTruth && inPred:
			a.pairs = addArea(a.pairs, a.inter, colorPair{t, c}, n)
		case inPred:
			a.void[c] += n
		}
	}
	return a
}

// addArea adds to the area of key and lists it where it is new.
func addArea[K comparable](list []K, areas map[K]int, key K, n int) []K {
	if areas[key] == 0 {
		list = append(list, key)
	}
	areas[key] += n
	return list
}
