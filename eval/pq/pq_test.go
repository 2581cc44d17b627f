package pq

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"eomt/data"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func ExampleEvaluator() {
	classes := []data.Class{{ID: 1, Name: "cat", Thing: true}, {ID: 2, Name: "grass"}}
	evaluator, err := New(Exact, classes)
	if err != nil {
		panic(err)
	}
	// A cat of three pixels is found but for one, which is called grass.
	stat, err := evaluator.Image(Image{
		ID: 1,
		Truth: Map{W: 4, H: 2, IDs: []uint32{7, 7, 7, 9, 9, 9, 9, 9},
			Segments: []Segment{{ID: 7, Category: 1, Area: 3}, {ID: 9, Category: 2, Area: 5}}},
		Pred: Map{W: 4, H: 2, IDs: []uint32{1, 1, 2, 2, 2, 2, 2, 2},
			Segments: []Segment{{ID: 1, Category: 1}, {ID: 2, Category: 2}}},
	})
	if err != nil {
		panic(err)
	}
	var stats Stats
	if err := stats.Add(stat); err != nil {
		panic(err)
	}
	r := evaluator.Result(&stats)
	fmt.Printf("PQ %.3f, cat %.3f, grass %.3f\n", r.All.PQ, r.PerClass[0].PQ, r.PerClass[1].PQ)
	// Output: PQ 0.750, cat 0.667, grass 0.833
}

var classes3 = []data.Class{{ID: 3, Thing: true}, {ID: 1}, {ID: 2, Thing: true}}

// drawMap draws a map whose segments are all listed; id 0 is void.
func drawMap(t *rapid.T, w, h int, crowds bool) Map {
	m := Map{W: w, H: h}
	areas := map[uint32]int{}
	for range w * h {
		id := rapid.Uint32Range(0, 4).Draw(t, "id")
		m.IDs = append(m.IDs, id)
		areas[id]++
	}
	for _, id := range sortedKeys(areas) {
		if id != Void {
			m.Segments = append(m.Segments, Segment{ID: int64(id), Category: rapid.IntRange(1, 3).Draw(t, "category"),
				Crowd: crowds && rapid.Bool().Draw(t, "crowd"), Area: float64(areas[id])})
		}
	}
	return m
}

func drawImages(t *rapid.T) []Image {
	n := rapid.IntRange(0, 5).Draw(t, "images")
	images := make([]Image, n)
	for i := range images {
		w, h := rapid.IntRange(1, 5).Draw(t, "w"), rapid.IntRange(1, 5).Draw(t, "h")
		images[i] = Image{ID: int64(100 - 7*i), Truth: drawMap(t, w, h, true), Pred: drawMap(t, w, h, false)}
	}
	return images
}

func newEvaluator(t testing.TB, rule Rule) *Evaluator {
	e, err := New(rule, classes3)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestPartsGiveSameBytes splits a data set, writes and reads the parts, and
// merges them in another order.
func TestPartsGiveSameBytes(t *testing.T) {
	for _, rule := range []Rule{Exact, Upstream} {
		e := newEvaluator(t, rule)
		rapid.Check(t, func(t *rapid.T) {
			var whole Stats
			parts := make([]Stats, 3)
			for _, img := range drawImages(t) {
				stat, err := e.Image(img)
				if err != nil {
					t.Fatal(err)
				}
				whole.Add(stat)
				parts[rapid.IntRange(0, 2).Draw(t, "part")].Add(stat)
			}
			var merged Stats
			for _, k := range rapid.Permutation([]int{0, 1, 2}).Draw(t, "order") {
				text, err := json.Marshal(&parts[k])
				if err != nil {
					t.Fatal(err)
				}
				var read Stats
				if err := json.Unmarshal(text, &read); err != nil {
					t.Fatal(err)
				}
				if err := merged.Merge(&read); err != nil {
					t.Fatal(err)
				}
			}
			for _, pair := range [][2]any{{&whole, &merged}, {e.Result(&whole), e.Result(&merged)}} {
				a, _ := json.Marshal(pair[0])
				b, _ := json.Marshal(pair[1])
				if !bytes.Equal(a, b) {
					t.Fatalf("%s\n%s", a, b)
				}
			}
		})
	}
}

func TestPerfectPredictionIsOne(t *testing.T) {
	for _, rule := range []Rule{Exact, Upstream} {
		e := newEvaluator(t, rule)
		rapid.Check(t, func(t *rapid.T) {
			m := drawMap(t, 4, 4, false)
			stat, err := e.Image(Image{Truth: m, Pred: m})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range stat.Classes {
				if c.FP+c.FN > 0 || c.IoU != float64(c.TP) {
					t.Fatalf("%+v", c)
				}
			}
		})
	}
}

func TestEmptyResult(t *testing.T) {
	r := newEvaluator(t, Exact).Result(&Stats{})
	if r.All != (Mean{}) || len(r.PerClass) != 3 {
		t.Errorf("%+v", r)
	}
	if r := newEvaluator(t, Upstream).Result(&Stats{}); r.All.N != 3 || r.Things.N != 2 || r.Stuff.N != 1 {
		t.Errorf("%+v", r)
	}
}

func TestWrongLength(t *testing.T) {
	_, err := newEvaluator(t, Exact).Image(Image{ID: 5, Truth: Map{W: 2, H: 2}, Pred: Map{W: 2, H: 2}})
	if err == nil || err.Error() != "pq: image 5: 0 and 0 ids for 2 x 2 pixels" {
		t.Errorf("%v", err)
	}
}

func BenchmarkImage(b *testing.B) {
	e := newEvaluator(b, Exact)
	const w, h = 640, 427
	m := Map{W: w, H: h, IDs: make([]uint32, w*h)}
	for i := range m.IDs {
		m.IDs[i] = uint32(1 + i%w/80 + 8*(i/w/70))
	}
	area := map[uint32]int{}
	for _, id := range m.IDs {
		area[id]++
	}
	for id, n := range area {
		m.Segments = append(m.Segments, Segment{ID: int64(id), Category: 1 + int(id)%3, Area: float64(n)})
	}
	for b.Loop() {
		if _, err := e.Image(Image{Truth: m, Pred: m}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestWeightsAreCopies holds weights against a data set in which each image is
// there as often.
func TestWeightsAreCopies(t *testing.T) {
	for _, rule := range []Rule{Exact, Upstream} {
		e := newEvaluator(t, rule)
		rapid.Check(t, func(t *rapid.T) {
			var images, copies []ImageStat
			var weights []int
			for _, img := range drawImages(t) {
				stat, err := e.Image(img)
				if err != nil {
					t.Fatal(err)
				}
				weight := rapid.IntRange(0, 3).Draw(t, "weight")
				images, weights = append(images, stat), append(weights, weight)
				for range weight {
					copies = append(copies, stat)
				}
			}
			// A product is rounded once, a sum of copies at every step.
			near := cmpopts.EquateApprox(0, 1e-12)
			if diff := cmp.Diff(e.Weighted(copies, nil), e.Weighted(images, weights), near); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}
