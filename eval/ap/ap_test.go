package ap

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"eomt/data"
	"eomt/data/rle"

	"pgregory.net/rapid"
)

// box returns the mask of a box in an image of 20 x 20 pixels.
func box(x, y, w, h int) rle.Mask {
	const size = 20
	pix := make([]uint8, size*size)
	for dy := range h {
		for dx := range w {
			pix[(y+dy)*size+x+dx] = 1
		}
	}
	return rle.Encode(pix, size, size)
}

func ExampleEvaluator() {
	evaluator, err := New(Exact, []data.Class{{ID: 1, Name: "cat", Thing: true}})
	if err != nil {
		panic(err)
	}
	// One cat is found well, one badly, and there is one too many.
	stat, err := evaluator.Image(Image{ID: 1,
		Truths: []Truth{
			{ID: 1, Category: 1, Area: 100, Mask: box(0, 0, 10, 10)},
			{ID: 2, Category: 1, Area: 100, Mask: box(10, 10, 10, 10)},
		},
		Detections: []Detection{
			{Category: 1, Score: .9, Area: 100, Mask: box(0, 0, 10, 10)},
			{Category: 1, Score: .8, Area: 60, Mask: box(10, 10, 6, 10)},
			{Category: 1, Score: .7, Area: 16, Mask: box(10, 0, 4, 4)},
		},
	})
	if err != nil {
		panic(err)
	}
	var stats Stats
	if err := stats.Add(stat); err != nil {
		panic(err)
	}
	r := evaluator.Result(&stats)
	fmt.Printf("AP %.3f, AP50 %.3f, AP75 %.3f, AR100 %.3f\n", r.AP, r.AP50, r.AP75, r.AR100)
	// Output: AP 0.653, AP50 1.000, AP75 0.505, AR100 0.650
}

var classes2 = []data.Class{{ID: 2}, {ID: 1}}

func newEvaluator(t testing.TB, rule Rule) *Evaluator {
	e, err := New(rule, classes2)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func drawBox(t *rapid.T) rle.Mask {
	x, y := rapid.IntRange(0, 19).Draw(t, "x"), rapid.IntRange(0, 19).Draw(t, "y")
	return box(x, y, rapid.IntRange(1, 20-x).Draw(t, "w"), rapid.IntRange(1, 20-y).Draw(t, "h"))
}

func drawImages(t *rapid.T) []Image {
	images := make([]Image, rapid.IntRange(0, 4).Draw(t, "images"))
	for i := range images {
		img := Image{ID: int64(50 - 3*i)}
		for k := range rapid.IntRange(0, 3).Draw(t, "truths") {
			m := drawBox(t)
			img.Truths = append(img.Truths, Truth{ID: int64(k + 1), Category: rapid.IntRange(1, 2).Draw(t, "category"),
				Crowd: rapid.IntRange(0, 3).Draw(t, "crowd") == 0, Area: float64(m.Area()), Mask: m})
		}
		for range rapid.IntRange(0, 4).Draw(t, "detections") {
			m := drawBox(t)
			img.Detections = append(img.Detections, Detection{Category: rapid.IntRange(1, 2).Draw(t, "category"),
				Score: float64(rapid.IntRange(0, 3).Draw(t, "score")), Area: float64(m.Area()), Mask: m})
		}
		images[i] = img
	}
	return images
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

func TestPerfectDetectionsAreOne(t *testing.T) {
	e := newEvaluator(t, Exact)
	rapid.Check(t, func(t *rapid.T) {
		m := drawBox(t)
		stat, err := e.Image(Image{Truths: []Truth{{ID: 1, Category: 1, Area: float64(m.Area()), Mask: m}},
			Detections: []Detection{{Category: 1, Area: float64(m.Area()), Mask: m}}})
		if err != nil {
			t.Fatal(err)
		}
		var stats Stats
		stats.Add(stat)
		// One sum of 1,010 precisions of 1 / (1 + 2^-52).
		if r := e.Result(&stats); math.Abs(r.AP-1) > 1e-12 || r.AR1 != 1 {
			t.Fatalf("%+v", r)
		}
	})
}

func TestNothingIsMinusOne(t *testing.T) {
	r := newEvaluator(t, Exact).Result(&Stats{})
	if r.AP != -1 || r.ARl != -1 || len(r.PerClass) != 2 || r.PerClass[0].AP != -1 {
		t.Errorf("%+v", r)
	}
}

func TestUpstreamLeavesOutImagesWithoutTruths(t *testing.T) {
	e := newEvaluator(t, Upstream)
	stat, err := e.Image(Image{ID: 1, Detections: []Detection{{Category: 1, Mask: box(0, 0, 1, 1)}}})
	if err != nil || len(stat.Classes) != 0 {
		t.Errorf("%+v, %v", stat, err)
	}
}

func TestRejected(t *testing.T) {
	m, other := box(0, 0, 1, 1), rle.Mask{H: 1, W: 2, Counts: []uint32{2}}
	e := newEvaluator(t, Exact)
	for want, img := range map[string]Image{
		"annotation 8: unknown category 3":                    {Truths: []Truth{{ID: 8, Category: 3, Mask: m}}},
		"annotation 8: area is not a number":                  {Truths: []Truth{{ID: 8, Category: 1, Area: math.NaN(), Mask: m}}},
		"annotation 9: mask is 2 x 1 pixels, want 20 x 20":    {Truths: []Truth{{Category: 1, Mask: m}, {ID: 9, Category: 1, Mask: other}}},
		"detection 0: unknown category 0":                     {Detections: []Detection{{Mask: m}}},
		"detection 0: score NaN, area 0, want finite numbers": {Detections: []Detection{{Category: 1, Score: math.NaN(), Mask: m}}},
		"detection 0: score 0, area NaN, want finite numbers": {Detections: []Detection{{Category: 1, Area: math.NaN(), Mask: m}}},
		"detection 0: mask is 2 x 1 pixels, want 20 x 20":     {Truths: []Truth{{Category: 1, Mask: m}}, Detections: []Detection{{Category: 1, Mask: other}}},
	} {
		img.ID = 6
		if _, err := e.Image(img); err == nil || err.Error() != "ap: image 6: "+want {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := New(Exact, []data.Class{{ID: 1}, {ID: 1, Name: "dog"}}); err == nil || err.Error() != "ap: class table: duplicate id 1 (dog)" {
		t.Errorf("%v", err)
	}
}
