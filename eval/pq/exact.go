package pq

import "fmt"

// matchExact is panopticapi's pq_compute_single_core at 7bb46555. It is an error
// if a stated area leaves no union, where panopticapi divides by zero.
func matchExact(truth []Segment, truthByID map[int64]int, pred []Segment, predByID map[int64]int, o overlaps, t *tally) error {
	truthMatched, predMatched := map[int64]bool{}, map[int64]bool{}
	for _, pair := range o.pairs {
		ti, inTruth := truthByID[pair.truth]
		pi, inPred := predByID[pair.pred]
		if !inTruth || !inPred || truth[ti].Crowd || truth[ti].Category != pred[pi].Category {
			continue
		}
		inter := float64(o.area[pair])
		void := float64(o.area[pairWithVoid(pair.pred)])
		union := float64(o.predArea[pair.pred]) + truth[ti].Area - inter - void
		if union == 0 {
			return fmt.Errorf("ground-truth segment %d: stated area %v, but more pixels in the PNG", pair.truth, truth[ti].Area)
		}
		if iou := inter / union; iou > 0.5 {
			t.match(truth[ti].Category, iou)
			truthMatched[pair.truth], predMatched[pair.pred] = true, true
		}
	}
	crowdOf := map[int]int64{} // the last crowd of each category
	for _, s := range truth {
		switch {
		case truthMatched[s.ID]:
		case s.Crowd:
			crowdOf[s.Category] = s.ID
		default:
			t.of(s.Category).FN++
		}
	}
	for _, s := range pred {
		if predMatched[s.ID] {
			continue
		}
		excused := o.area[pairWithVoid(s.ID)]
		if crowd, has := crowdOf[s.Category]; has {
			excused += o.area[pair{crowd, s.ID}]
		}
		if float64(excused)/float64(o.predArea[s.ID]) <= 0.5 {
			t.of(s.Category).FP++
		}
	}
	return nil
}

// pairWithVoid is the part of a predicted segment that lies on void.
func pairWithVoid(pred int64) pair { return pair{truth: Void, pred: pred} }
