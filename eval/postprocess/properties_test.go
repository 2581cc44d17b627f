package postprocess

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"eomt/data/rle"
	"eomt/data/transform"
)

// drawLogits draws one image's logits, of few distinct values so that ties are common.
func drawLogits(t *rapid.T) (Logits, transform.Geometry) {
	l := Logits{B: 1, MaskH: rapid.IntRange(1, 6).Draw(t, "h"), MaskW: rapid.IntRange(1, 6).Draw(t, "w"),
		Queries: rapid.IntRange(1, 5).Draw(t, "queries"), Classes: rapid.IntRange(1, 3).Draw(t, "classes")}
	value := rapid.OneOf(rapid.SampledFrom([]float32{-3, -0.5, 0, 0.5, 3}), rapid.Float32Range(-8, 8))
	l.Masks = rapid.SliceOfN(value, l.MaskH*l.MaskW*l.Queries, l.MaskH*l.MaskW*l.Queries).Draw(t, "masks")
	l.Class = rapid.SliceOfN(value, l.Queries*(l.Classes+1), l.Queries*(l.Classes+1)).Draw(t, "class")
	side := rapid.IntRange(1, 24)
	original := transform.Size{W: side.Draw(t, "width"), H: side.Draw(t, "height")}
	return l, transform.FitSize(original, 4*l.MaskH, 4*l.MaskW)
}

// full is a plane at the original size, row-major, without any shortcut.
func full(r *resizer, plane []float32) []float32 {
	out := make([]float32, r.width*r.rows)
	reader := r.reader(plane)
	for y := range r.rows {
		reader.read(out[y*r.width:(y+1)*r.width], y)
	}
	return out
}

func TestMasksInTheirBoxAreThoseOfTheWholeImage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, g := drawLogits(t)
		r := newResizer(l.MaskH, l.MaskW, g)
		for q := range l.Queries {
			plane := l.plane(q)
			inside := make([]uint8, r.width*r.rows)
			for i, logit := range full(r, plane) {
				if logit > 0 {
					inside[i] = 1
				}
			}
			want := rle.Encode(inside, r.rows, r.width)
			if got := r.positive(plane).mask; !slices.Equal(got.Counts, want.Counts) {
				t.Fatalf("runs %v, want %v", got.Counts, want.Counts)
			}
		}
	})
}

// TestAssignmentNeedsNoExponential holds the shortcuts of assigning pixels
// against the plain rule, also where scores differ a lot.
func TestAssignmentNeedsNoExponential(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, g := drawLogits(t)
		queries := keepQueries(l, 0)
		if len(queries) == 0 {
			return
		}
		r := newResizer(l.MaskH, l.MaskW, g)
		out := PanopticMap{W: r.width, H: r.rows, IDs: make([]uint32, r.width*r.rows)}
		var planes [][]float32
		for _, q := range queries {
			planes = append(planes, full(r, q.plane))
		}
		want := make([]uint32, len(out.IDs))
		for i := range want {
			best, value := 0, float32(-1)
			for k, q := range queries {
				if v := q.score * sigmoid(planes[k][i]); v > value {
					best, value = k, v
				}
			}
			if sigmoid(planes[best][i]) >= 0.5 {
				want[i] = uint32(best) + 1
			}
		}
		assign(out, queries, r)
		if !slices.Equal(out.IDs, want) {
			t.Fatalf("pixels go to %v, want %v", out.IDs, want)
		}
	})
}

// TestPanopticMapIsConsistent: ids count from 1, areas are those of the map, and
// a stuff class has one segment.
func TestPanopticMapIsConsistent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, g := drawLogits(t)
		stuff := rapid.SliceOfN(rapid.Bool(), l.Classes, l.Classes).Draw(t, "stuff")
		m := Panoptic(l, g, PanopticOptions{Score: 0.3, Overlap: 0.5, Stuff: stuff})
		areas := make([]int, len(m.Segments)+1)
		for _, id := range m.IDs {
			areas[id]++
		}
		seen := map[int]bool{}
		for i, s := range m.Segments {
			if int(s.ID) != i+1 || s.Area != areas[s.ID] || s.Area == 0 || stuff[s.Class] && seen[s.Class] {
				t.Fatalf("segment %d is %+v, of areas %v", i, s, areas)
			}
			seen[s.Class] = true
		}
	})
}

func TestConstantWindowsKeepTheirClass(t *testing.T) {
	plan := transform.PlanWindows(transform.Size{W: 50, H: 20}, 16)
	windows := make([]Logits, len(plan.Starts))
	for i := range windows {
		windows[i] = Logits{B: 1, MaskH: 4, MaskW: 4, Queries: 2, Classes: 3, Masks: make([]float32, 32),
			Class: []float32{0, 0, 5, 0, 0, 1, 0, 0}}
	}
	for i, class := range Semantic(windows, plan).Pix {
		if class != 2 {
			t.Fatalf("pixel %d has class %d", i, class)
		}
	}
}

func TestMalformedLogitsPanic(t *testing.T) {
	good := Logits{B: 1, MaskH: 1, MaskW: 1, Queries: 1, Classes: 1, Masks: make([]float32, 1), Class: make([]float32, 2)}
	g := transform.FitSize(transform.Size{W: 4, H: 4}, 4, 4)
	two, short := good, good
	two.B, short.Class = 2, short.Class[:1]
	for name, f := range map[string]func(){
		"two images":   func() { Instances(two, g, 1) },
		"short class":  func() { Panoptic(short, g, PanopticOptions{Stuff: []bool{false}}) },
		"stuff":        func() { Panoptic(good, g, PanopticOptions{}) },
		"window count": func() { Semantic([]Logits{good}, transform.PlanWindows(transform.Size{W: 40, H: 4}, 4)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}
