package pq

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCompare(t *testing.T) {
	segment := func(id int64, category int, crowd bool, area float64) Segment {
		return Segment{id, category, crowd, area}
	}
	img := Image{
		Truth: Map{W: 6, H: 2, IDs: []uint32{5, 5, 5, 6, 6, 6, 0, 0, 0, 7, 7, 7},
			Segments: []Segment{segment(5, 1, false, 3), segment(6, 2, false, 3), segment(7, 3, true, 3)}},
		Pred: Map{W: 6, H: 2, IDs: []uint32{1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 4, 5},
			Segments: []Segment{segment(1, 1, false, 0), segment(2, 3, false, 0), segment(3, 1, false, 0), segment(4, 3, false, 0), segment(5, 2, false, 0)}},
	}
	want := []Found{
		{Truth: 0, IoU: 2. / 3},
		{Truth: 1},                 // IoU 3/4 with another category
		{Truth: -1, Excused: true}, // on void
		{Truth: -1, Excused: true}, // on void and a crowd of its category
		{Truth: -1},                // on a crowd of another category
	}
	if diff := cmp.Diff(want, Compare(img)); diff != "" {
		t.Error(diff)
	}
}

// TestCompareAgreesWithExact: what matches in the same category is what Exact
// counts as true positives, and what is neither matched nor excused is false.
func TestCompareAgreesWithExact(t *testing.T) {
	e := newEvaluator(t, Exact)
	rapid.Check(t, func(t *rapid.T) {
		img := Image{Truth: drawMap(t, 4, 4, true), Pred: drawMap(t, 4, 4, false)}
		crowds := map[int]int{}
		for _, s := range img.Truth.Segments {
			if s.Crowd {
				crowds[s.Category]++
			}
		}
		for _, n := range crowds {
			if n > 1 { // of several, Exact takes the last
				t.Skip()
			}
		}
		stat, err := e.Image(img)
		if err != nil {
			t.Fatal(err)
		}
		var tp, fp int
		var iou float64
		for _, c := range stat.Classes {
			tp, fp, iou = tp+c.TP, fp+c.FP, iou+c.IoU
		}
		var gotTP, gotFP int
		var gotIoU float64
		for p, f := range Compare(img) {
			switch {
			case f.IoU > 0.5:
				gotTP++
				gotIoU += f.IoU
				if img.Truth.Segments[f.Truth].Category != img.Pred.Segments[p].Category {
					t.Fatal("matched in another category, but with an IoU above 0.5 in its own")
				}
			case !f.Excused:
				gotFP++
			}
		}
		if gotTP != tp || gotFP != fp || gotIoU-iou > 1e-12 || iou-gotIoU > 1e-12 {
			t.Fatalf("%d true, %d false, IoU %v; want %d, %d, %v", gotTP, gotFP, gotIoU, tp, fp, iou)
		}
	})
}
