package postprocess

import (
	"cmp"
	"slices"

	"eomt/data/rle"
	"eomt/data/transform"
)

// Detection is an instance that a model found.
type Detection struct {
	Class int     // contiguous index
	Score float64 // class probability * mean mask probability inside the mask
	Mask  rle.Mask
}

// Instances returns the topK most probable pairs of query and class of one image, in
// descending order of class probability, the lower query and class first among
// equals. A query's mask is where its logit is positive; pairs of one query share it.
// Empty masks are kept, with score 0.
// (eval_step, training/mask_classification_instance.py at 7bd19dd)
//
// l holds one image; g is how the image reached the model's size. It panics if
// l's slices do not have their lengths.
func Instances(l Logits, g transform.Geometry, topK int) []Detection {
	l.mustBeOne("instances")
	pairs := bestPairs(l, topK)
	masks := make(map[int]*scoredMask, len(pairs))
	var queries []int
	for _, p := range pairs {
		if masks[p.query] == nil {
			masks[p.query] = &scoredMask{}
			queries = append(queries, p.query)
		}
	}
	r := newResizer(l.MaskH, l.MaskW, g)
	each(len(queries), func(i int) {
		q := queries[i]
		*masks[q] = r.positive(l.plane(q))
	})
	detections := make([]Detection, len(pairs))
	for i, p := range pairs {
		m := masks[p.query]
		detections[i] = Detection{Class: p.class, Score: float64(p.score * m.score), Mask: m.mask}
	}
	return detections
}

// Visible drops detections without a pixel, which the metrics keep.
func Visible(found []Detection) []Detection {
	return slices.DeleteFunc(found, func(d Detection) bool { return d.Score == 0 || d.Mask.Area() == 0 })
}

// pair is a query seen as one class.
type pair struct {
	query, class int
	score        float32
}

func bestPairs(l Logits, topK int) []pair {
	probabilities := l.probabilities()
	n := l.Classes + 1
	pairs := make([]pair, 0, l.Queries*l.Classes)
	for q := range l.Queries {
		for c, p := range probabilities[q*n : q*n+l.Classes] {
			pairs = append(pairs, pair{q, c, p})
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(b.score, a.score) })
	return pairs[:min(topK, len(pairs))]
}

// scoredMask is a mask at the original size and its mean probability inside.
type scoredMask struct {
	mask  rle.Mask
	score float32
}

// positive is the mask of the positive logits of a plane at the original size.
func (r *resizer) positive(plane []float32) scoredMask {
	box := r.around(plane)
	if box == nil {
		return scoredMask{mask: rle.Mask{H: r.rows, W: r.width, Counts: []uint32{uint32(r.rows * r.width)}}}
	}
	inside := make([]bool, box.width*box.rows)
	reader, row := box.reader(plane), make([]float32, box.width)
	area, sum := 0, 0.
	for y := range box.rows {
		reader.read(row, y)
		for x, logit := range row {
			if logit > 0 {
				inside[y*box.width+x] = true
				area++
				sum += float64(sigmoid(logit))
			}
		}
	}
	return scoredMask{
		mask:  rle.Mask{H: r.rows, W: r.width, Counts: box.runs(inside, r.rows, r.width)},
		score: float32(sum) / (float32(area) + 1e-6),
	}
}

// runs are the column-major runs of an h x w mask that is inside, row-major, in
// the box and empty around it.
func (r *resizer) runs(inside []bool, h, w int) []uint32 {
	counts := make([]uint32, 0, 4*r.width)
	now, begun := false, 0
	turn := func(at int) {
		counts = append(counts, uint32(at-begun))
		now, begun = !now, at
	}
	for x := range r.width {
		top := (r.fromX+x)*h + r.fromY
		for y := range r.rows {
			if inside[y*r.width+x] != now {
				turn(top + y)
			}
		}
		if now && r.rows < h { // what lies between two columns of the box is outside
			turn(top + r.rows)
		}
	}
	if now {
		turn((r.fromX + r.width) * h)
	}
	if begun < h*w {
		counts = append(counts, uint32(h*w-begun))
	}
	return counts
}
