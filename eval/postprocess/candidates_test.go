package postprocess

import (
	"cmp"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"eomt/data/transform"
)

// merge is the panoptic map of thresholds from candidates alone, as their
// documentation says.
func merge(list []Candidate, g transform.Geometry, o PanopticOptions) PanopticMap {
	w, h := g.Original.W, g.Original.H
	out := PanopticMap{W: w, H: h, IDs: make([]uint32, w*h)}
	kept := 0
	for kept < len(list) && float32(list[kept].Score) > float32(o.Score) {
		kept++
	}
	shown := make([]int, kept)
	owner := make([]int, w*h)
	for k := range kept {
		for i, in := range list[k].Takes.Decode() {
			if in == 1 {
				owner[i] = k + 1
			}
		}
	}
	for _, k := range owner {
		if k > 0 {
			shown[k-1]++
		}
	}
	order := make([]int, kept)
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(list[a].Order, list[b].Order) })
	ids, stuff := make([]uint32, kept+1), map[int]uint32{}
	for _, k := range order {
		c := list[k]
		if c.Area == 0 || shown[k] == 0 || float64(list[kept-1].Wins[k])/float64(c.Area) < o.Overlap {
			continue
		}
		id, joined := stuff[c.Class]
		if !joined {
			id = uint32(len(out.Segments) + 1)
			out.Segments = append(out.Segments, Segment{ID: id, Class: c.Class})
			if o.Stuff[c.Class] {
				stuff[c.Class] = id
			}
		}
		ids[k+1] = id
		s := &out.Segments[id-1]
		s.Area += shown[k]
		s.Score = max(s.Score, c.Score)
	}
	for i, k := range owner {
		out.IDs[i] = ids[k]
	}
	return out
}

// The map of any thresholds follows from the candidates, also where scores and
// products are equal.
func TestCandidatesMergeToThePanopticMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, g := drawLogits(t)
		floor := rapid.Float64Range(0, .6).Draw(t, "floor")
		list, least := Candidates(l, g, floor, rapid.IntRange(1, 5).Draw(t, "limit"))
		if least < floor {
			t.Fatalf("thresholds from %v, asked from %v", least, floor)
		}
		stuff := make([]bool, l.Classes)
		for i := range stuff {
			stuff[i] = rapid.Bool().Draw(t, "stuff")
		}
		for range 4 {
			o := PanopticOptions{Score: rapid.Float64Range(least, 1).Draw(t, "score"), Overlap: rapid.Float64Range(0, 1).Draw(t, "overlap"), Stuff: stuff}
			want, got := Panoptic(l, g, o), merge(list, g, o)
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("score %v, overlap %v:\n%v\nwant\n%v", o.Score, o.Overlap, got, want)
			}
		}
	})
}

func TestNoCandidates(t *testing.T) {
	l := Logits{B: 1, MaskH: 1, MaskW: 1, Queries: 1, Classes: 1, Masks: []float32{1}, Class: []float32{0, 9}}
	if list, least := Candidates(l, transform.FitSize(transform.Size{W: 2, H: 2}, 4, 4), .1, 9); len(list) != 0 || least != .1 {
		t.Errorf("%v from %v", list, least)
	}
}
