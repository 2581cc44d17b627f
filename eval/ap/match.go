package ap

import (
	"cmp"
	"slices"

	"eomt/data/rle"
)

// match assigns one category's detections of an image to its truths, greedily by
// descending score, at every size range and IoU threshold.
//
// Source: COCOeval.computeIoU and evaluateImg, cocoapi at 8c9bcc3c.
func (e *Evaluator) match(category int, truths []Truth, detections []Detection) ClassStat {
	slices.SortStableFunc(detections, func(a, b Detection) int { return cmp.Compare(b.Score, a.Score) })
	detections = detections[:min(len(detections), maxDets)]
	stat := ClassStat{Category: category, Detections: make([]DetectionStat, len(detections))}
	for d, det := range detections {
		stat.Detections[d].Score = det.Score
	}
	pairs := e.candidates(truths, detections)
	ignored, taken := make([]bool, len(truths)), make([]bool, len(truths))
	for r, limits := range sizeRanges {
		outside := func(area float64) bool { return area < limits[0] || area > limits[1] }
		for g, t := range truths {
			ignored[g] = t.Crowd || outside(t.Area)
			if !ignored[g] {
				stat.Positives[r]++
			}
		}
		for k, threshold := range e.ious {
			clear(taken)
			m := assignment{truths, ignored, taken}
			for d, det := range detections {
				g := m.best(pairs[d], min(threshold, 1-1e-10))
				s := &stat.Detections[d]
				if g >= 0 && truths[g].ID != 0 {
					s.Matched[r].set(k)
				}
				if g >= 0 && ignored[g] || !s.Matched[r].has(k) && outside(det.Area) {
					s.Ignored[r].set(k)
				}
			}
		}
	}
	return stat
}

// candidate is a truth that a detection overlaps enough for some threshold.
type candidate struct {
	truth int
	iou   float64
}

// candidates returns the truths of each detection in order.
func (e *Evaluator) candidates(truths []Truth, detections []Detection) [][]candidate {
	pairs := make([][]candidate, len(detections))
	if len(truths) == 0 {
		return pairs
	}
	gt, crowd := make([]rle.Mask, len(truths)), make([]bool, len(truths))
	for g, t := range truths {
		gt[g], crowd[g] = t.Mask, t.Crowd
	}
	dt := make([]rle.Mask, len(detections))
	for d := range detections {
		dt[d] = detections[d].Mask
	}
	ious := rle.IoU(dt, gt, crowd)
	if e.rule == Boundary {
		limitToBoundaries(ious, dt, gt, crowd)
	}
	for d := range detections {
		for g := range truths {
			if iou := ious[d*len(truths)+g]; iou >= e.ious[0] {
				pairs[d] = append(pairs[d], candidate{g, iou})
			}
		}
	}
	return pairs
}

// limitToBoundaries lowers the IoUs with truths that are not crowds to those of
// the boundaries.
func limitToBoundaries(ious []float64, dt, gt []rle.Mask, crowd []bool) {
	boundaries := func(masks []rle.Mask) []rle.Mask {
		out := make([]rle.Mask, len(masks))
		for i, m := range masks {
			out[i] = m.Boundary(boundaryRatio)
		}
		return out
	}
	for i, iou := range rle.IoU(boundaries(dt), boundaries(gt), crowd) {
		if !crowd[i%len(gt)] {
			ious[i] = min(ious[i], iou)
		}
	}
}

// assignment is the state of one size range and threshold.
type assignment struct {
	truths  []Truth
	ignored []bool
	taken   []bool
}

// best takes and returns the truth for a detection, -1 for none: the truth of
// greatest IoU, at least threshold, among those not ignored, otherwise among the
// ignored; the later of equals. Only crowds can be matched more than once.
func (m *assignment) best(candidates []candidate, threshold float64) int {
	best := -1
	for _, ignored := range []bool{false, true} {
		for _, c := range candidates {
			free := !m.taken[c.truth] || m.truths[c.truth].Crowd
			if m.ignored[c.truth] == ignored && free && c.iou >= threshold {
				best, threshold = c.truth, c.iou
			}
		}
		if best >= 0 {
			m.taken[best] = true
			return best
		}
	}
	return -1
}
