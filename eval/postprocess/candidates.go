package postprocess

import (
	"cmp"
	"slices"
	"sync"

	"eomt/data"
	"eomt/data/rle"
	"eomt/data/transform"
)

// Candidate is a query that some threshold of [PanopticOptions].Score keeps. A
// threshold keeps the first of the candidates, so that the panoptic map of any
// thresholds follows from them without the logits: paint Takes of those kept, one over
// the other; a candidate is dropped if its argmax pixels, Wins of the last one kept,
// are less than the overlap's share of Area; those left are numbered, and stuff is
// joined, by ascending Order.
type Candidate struct {
	Class int      // contiguous index
	Score float64  // probability of its class
	Order int      // among the candidates by query, from 0
	Area  int      // pixels where its mask is at least one half
	Takes rle.Mask // pixels of its mask where it beats all candidates before it
	Wins  []int    // pixels where candidate i has the highest score * mask if this is the last one kept, for each i up to this
}

// Candidates lists the queries whose best class is a class and more probable than
// floor, by descending score, at most limit of them; they describe thresholds from
// least on. l and g are those of [Panoptic].
func Candidates(l Logits, g transform.Geometry, floor float64, limit int) (list []Candidate, least float64) {
	l.mustBeOne("candidates")
	queries, least := keepQueries(l, floor), floor
	list = make([]Candidate, len(queries))
	for i, q := range queries {
		list[i] = Candidate{Class: q.class, Score: float64(q.score), Order: i}
	}
	slices.SortStableFunc(list, func(a, b Candidate) int { return cmp.Compare(b.Score, a.Score) })
	if len(list) > limit {
		list, least = list[:limit], list[limit].Score
	}
	if len(list) == 0 {
		return list, least
	}
	c := contest{list: list, queries: queries, resizer: newResizer(l.MaskH, l.MaskW, g),
		takes: data.NewPlanes(g.Original.W, g.Original.H, len(list)), taken: make([]int, len(list)*len(list))}
	strips(g.Original.H, c.rows)
	c.count()
	each(len(list), c.encode)
	return list, least
}

// contest lets candidates take pixels one after the other.
type contest struct {
	list    []Candidate
	queries []kept // by Order
	resizer *resizer
	takes   data.Planes
	mu      sync.Mutex
	taken   []int // [k, i] pixels that k takes from i; [0, 0] all pixels
}

// rows runs the contest for rows [from, to).
func (c *contest) rows(from, to int) {
	n, width := len(c.list), c.resizer.width
	readers := make([]*rowReader, n)
	for k, one := range c.list {
		readers[k] = c.resizer.reader(c.queries[one.Order].plane)
	}
	logits, best := make([]float32, width), make([]contender, width)
	taken, areas := make([]int, n*n), make([]int, n)
	for y := from; y < to; y++ {
		for k, one := range c.list {
			readers[k].read(logits, y)
			score := c.queries[one.Order].score
			for x, logit := range logits {
				if logit > aboveHalf {
					areas[k]++
				}
				b := &best[x]
				if k > 0 && !c.beats(k, score, logit, b) {
					continue
				}
				if k > 0 {
					taken[k*n+int(b.query)]++
				} else {
					taken[0]++
				}
				*b = contender{logit: logit, value: score * sigmoid(logit), query: int32(k)}
				if logit > aboveHalf {
					c.takes.Set(x, y, k)
				}
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, pixels := range taken {
		c.taken[i] += pixels
	}
	for k, area := range areas {
		c.list[k].Area += area
	}
}

// beats reports whether candidate k, no more probable than b's, takes b's pixel. Among
// equals it is the lower query's, as in [Panoptic].
func (c *contest) beats(k int, score, logit float32, b *contender) bool {
	const rounding = 1e-3 // a logit lower by this gives a lower mask probability, see newAssigner
	if logit <= min(b.logit, 0)-rounding {
		return false
	}
	value := score * sigmoid(logit)
	return value > b.value || value == b.value && c.list[k].Order < c.list[b.query].Order
}

// count sets Wins.
func (c *contest) count() {
	n := len(c.list)
	for k := range c.list {
		wins := make([]int, k+1)
		if k == 0 {
			wins[0] = c.taken[0]
		} else {
			for i, before := range c.list[k-1].Wins {
				wins[i] = before - c.taken[k*n+i]
				wins[k] += c.taken[k*n+i]
			}
		}
		c.list[k].Wins = wins
	}
}

// encode sets candidate k's Takes.
func (c *contest) encode(k int) {
	pix := make([]uint8, c.takes.W*c.takes.H)
	for i := range pix {
		pix[i] = uint8(c.takes.Bits[i*c.takes.Words+k/32] >> (k % 32) & 1)
	}
	c.list[k].Takes = rle.Encode(pix, c.takes.H, c.takes.W)
}
