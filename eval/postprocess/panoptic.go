package postprocess

import (
	"math"
	"sync"

	"eomt/data/transform"
)

// PanopticOptions are the thresholds of [Panoptic].
type PanopticOptions struct {
	Score   float64 // keep queries whose best class is more probable
	Overlap float64 // drop a segment that shows less than this share of its mask
	Stuff   []bool  // [C]: the class's segments are joined
}

// Segment is a part of a panoptic map.
type Segment struct {
	ID    uint32
	Class int     // contiguous index
	Score float64 // of its class; the highest where stuff was joined
	Area  int     // pixels
}

// PanopticMap is an image's segmentation. IDs is row-major [H, W]; 0 belongs to
// no segment. Segments are in ascending order of their ids, which count from 1.
type PanopticMap struct {
	W, H     int
	IDs      []uint32
	Segments []Segment
}

// kept is a candidate query; candidates are in order of query indices.
type kept struct {
	class  int
	score  float32
	plane  []float32
	own    int // pixels where its mask is at least one half
	argmax int // pixels where it has the highest score * mask
	shown  int // pixels of both
}

// Panoptic merges the masks of one image's confident queries: each pixel goes to
// the query of the highest class probability times mask probability (the first of
// equals), and stays void where that mask is below one half. A query that shows
// less than o.Overlap of its mask is dropped, and its pixels become void.
// (to_per_pixel_preds_panoptic, training/lightning_module.py at 7bd19dd)
//
// l holds one image; g is how the image reached the model's size. It panics if
// l's slices do not have their lengths or o.Stuff has not C entries.
func Panoptic(l Logits, g transform.Geometry, o PanopticOptions) PanopticMap {
	l.mustBeOne("panoptic")
	if len(o.Stuff) != l.Classes {
		panic("postprocess: panoptic: Stuff must have one entry per class")
	}
	out := PanopticMap{W: g.Original.W, H: g.Original.H, IDs: make([]uint32, g.Original.W*g.Original.H)}
	queries := keepQueries(l, o.Score)
	if len(queries) == 0 {
		return out
	}
	assign(out, queries, newResizer(l.MaskH, l.MaskW, g))
	ids := make([]uint32, len(queries)+1) // by position in queries, from 1
	ofStuff := map[int]uint32{}
	for k := range queries {
		q := &queries[k]
		if q.own == 0 || q.shown == 0 || float64(q.argmax)/float64(q.own) < o.Overlap {
			continue
		}
		id, joined := ofStuff[q.class]
		if !joined {
			id = uint32(len(out.Segments) + 1)
			out.Segments = append(out.Segments, Segment{ID: id, Class: q.class})
			if o.Stuff[q.class] {
				ofStuff[q.class] = id
			}
		}
		ids[k+1] = id
		s := &out.Segments[id-1]
		s.Area += q.shown
		s.Score = max(s.Score, float64(q.score))
	}
	for i, k := range out.IDs {
		out.IDs[i] = ids[k]
	}
	return out
}

// keepQueries lists the queries whose best class is a class and is more probable
// than threshold.
func keepQueries(l Logits, threshold float64) []kept {
	var queries []kept
	probabilities := l.probabilities()
	n := l.Classes + 1
	for q := range l.Queries {
		best, score := 0, float32(-1)
		for c, p := range probabilities[q*n : (q+1)*n] {
			if p > score {
				best, score = c, p
			}
		}
		if best < l.Classes && score > float32(threshold) {
			queries = append(queries, kept{class: best, score: score, plane: l.plane(q)})
		}
	}
	return queries
}

// assign writes the position in queries, from 1, of each pixel that its mask
// covers into out.IDs, and counts the queries' areas.
func assign(out PanopticMap, queries []kept, r *resizer) {
	var mu sync.Mutex
	strips(out.H, func(from, to int) {
		a := newAssigner(queries, r)
		for y := from; y < to; y++ {
			a.row(out.IDs[y*out.W:(y+1)*out.W], y)
		}
		mu.Lock()
		defer mu.Unlock()
		for k, c := range a.counts {
			queries[k].own += c.own
			queries[k].argmax += c.argmax
			queries[k].shown += c.shown
		}
	})
}

// assigner assigns the pixels of one strip of rows.
type assigner struct {
	queries []kept
	readers []*rowReader
	counts  []kept // areas only
	margin  float32
	logits  []float32 // of the query at hand, along the row
	best    []contender
}

// contender is the best query of a pixel so far. Its value, score * mask
// probability, is computed when a rival needs it; until then it is negative.
type contender struct {
	logit, value float32
	query        int32
}

func newAssigner(queries []kept, r *resizer) *assigner {
	a := &assigner{queries: queries, counts: make([]kept, len(queries)),
		logits: make([]float32, r.width), best: make([]contender, r.width)}
	low, high := queries[0].score, queries[0].score
	for k := range queries {
		q := &queries[k] // other strips add to its areas
		a.readers = append(a.readers, r.reader(q.plane))
		low, high = min(low, q.score), max(high, q.score)
	}
	// sigmoid(x - m) / sigmoid(x) is at most 2 / (1 + exp(m)) for x <= 0: with
	// this m it is too small for any ratio of scores to make up for.
	a.margin = float32(math.Log(2*float64(high)/float64(low)-1) + 1e-3)
	return a
}

func (a *assigner) row(ids []uint32, y int) {
	for k := range a.queries {
		a.readers[k].read(a.logits, y)
		a.contend(k)
	}
	for x, b := range a.best {
		c := &a.counts[b.query]
		c.argmax++
		if b.logit > aboveHalf {
			c.shown++
			ids[x] = uint32(b.query) + 1
		}
	}
}

// contend lets query k take the pixels of the row where it is better than those
// before it. Most are decided without an exponential.
func (a *assigner) contend(k int) {
	own, score := 0, a.queries[k].score
	for x, logit := range a.logits {
		if logit > aboveHalf {
			own++
		}
		b := &a.best[x]
		if k == 0 {
			*b = contender{logit: logit, value: -1}
			continue
		}
		if logit <= min(b.logit, 0)-a.margin {
			continue
		}
		holder := a.queries[b.query].score
		if logit <= b.logit && score <= holder {
			continue
		}
		if b.value < 0 {
			b.value = holder * sigmoid(b.logit)
		}
		if value := score * sigmoid(logit); value > b.value {
			*b = contender{logit: logit, value: value, query: int32(k)}
		}
	}
	a.counts[k].own += own
}
