package eval

import (
	"eomt/data"
	"eomt/data/rle"
	"eomt/eval/ap"
	"eomt/eval/postprocess"
	"eomt/eval/pq"
)

// Found is a predicted segment or detection with its score and IoU, for calibration.
// Predictions on void or on crowds are excluded.
type Found struct {
	Class int     `json:"class"` // index in the class table
	Score float64 `json:"score"`
	IoU   float64 `json:"iou"` // greatest with a truth of the same class that is not a crowd
}

// NoClass is the class of a missing counterpart.
const NoClass = -1

// Confused counts pairs of a truth and a prediction that cover the same pixels
// (IoU above 0.5) regardless of class, and those without a counterpart. Crowds are
// not counted.
type Confused struct {
	Truth int `json:"truth"` // class index, or [NoClass] for predictions without a truth
	Pred  int `json:"pred"`  // class index, or [NoClass] for truths without a prediction
	Count int `json:"count"`
}

// SureScore is the least score of detections in the confusion of instances: the many
// low-scoring ones that average precision needs would drown the others.
const SureScore = 0.5

// segmentsFound compares panoptic segments; classes are by position in img.
func segmentsFound(img pq.Image, found []postprocess.Segment, truthClass []int) ([]Found, []Confused) {
	var list []Found
	pairs, taken := confusion{}, make([]bool, len(truthClass))
	for i, f := range pq.Compare(img) {
		switch {
		case f.Truth >= 0:
			pairs.add(truthClass[f.Truth], found[i].Class)
			taken[f.Truth] = true
		case f.Excused:
			continue
		default:
			pairs.add(NoClass, found[i].Class)
		}
		list = append(list, Found{found[i].Class, found[i].Score, f.IoU})
	}
	for t, s := range img.Truth.Segments {
		if !taken[t] && !s.Crowd {
			pairs.add(truthClass[t], NoClass)
		}
	}
	return list, pairs.list
}

// detectionsFound compares detections, which come by descending class
// probability; each takes the free truth of greatest IoU.
func detectionsFound(truths []ap.Truth, truthClass []int, found []postprocess.Detection) ([]Found, []Confused) {
	dt, gt, crowd := make([]rle.Mask, len(found)), make([]rle.Mask, len(truths)), make([]bool, len(truths))
	for d := range found {
		dt[d] = found[d].Mask
	}
	for g, t := range truths {
		gt[g], crowd[g] = t.Mask, t.Crowd
	}
	ious := rle.IoU(dt, gt, crowd)
	var list []Found
	pairs, taken := confusion{}, make([]bool, len(truths))
	for d, det := range found {
		best, excused, f := -1, false, Found{Class: det.Class, Score: det.Score}
		for g, iou := range ious[d*len(truths):][:len(truths)] {
			same := truthClass[g] == det.Class
			if crowd[g] {
				excused = excused || same && iou > 0.5
				continue
			}
			if same {
				f.IoU = max(f.IoU, iou)
			}
			if iou > 0.5 && !taken[g] && (best < 0 || iou > ious[d*len(truths)+best]) {
				best = g
			}
		}
		if excused && best < 0 {
			continue
		}
		list = append(list, f)
		switch {
		case det.Score < SureScore:
		case best < 0:
			pairs.add(NoClass, det.Class)
		default:
			pairs.add(truthClass[best], det.Class)
			taken[best] = true
		}
	}
	for g := range truths {
		if !taken[g] && !crowd[g] {
			pairs.add(truthClass[g], NoClass)
		}
	}
	return list, pairs.list
}

// confusion counts pairs in order of first occurrence.
type confusion struct{ list []Confused }

func (c *confusion) add(truth, pred int) {
	for i := range c.list {
		if c.list[i].Truth == truth && c.list[i].Pred == pred {
			c.list[i].Count++
			return
		}
	}
	c.list = append(c.list, Confused{truth, pred, 1})
}

// classesOf are the class indices of a sample's instances.
func classesOf(s *data.Sample) []int {
	classes := make([]int, len(s.Instances))
	for i, instance := range s.Instances {
		classes[i] = instance.Class
	}
	return classes
}
