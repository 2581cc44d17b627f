package iou

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"eomt/data"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var classes3 = []data.Class{{ID: 7, Name: "road"}, {ID: 8, Name: "sidewalk"}, {ID: 11, Name: "building"}}

func ExampleEvaluator() {
	labels := NewMapping(classes3, 0)
	evaluator := New(classes3, labels, labels, AbsentSkipped)
	stat, err := evaluator.Image(Image{
		Name:  "street",
		Truth: Labels{W: 4, H: 2, Pix: []uint16{7, 7, 7, 8, 8, 8, 8, 0}},
		Pred:  Labels{W: 4, H: 2, Pix: []uint16{7, 7, 8, 8, 8, 8, 0, 8}},
	})
	if err != nil {
		panic(err)
	}
	var stats Stats
	if err := stats.Add(stat); err != nil {
		panic(err)
	}
	r := evaluator.Result(&stats)
	fmt.Printf("mIoU %.3f, road %.3f, sidewalk %.3f, pixel accuracy %.3f\n", r.MIoU, r.PerClass[0].IoU, r.PerClass[1].IoU, r.PixelAccuracy)
	// Output: mIoU 0.633, road 0.667, sidewalk 0.600, pixel accuracy 0.714
}

func drawLabels(t *rapid.T, w, h int) Labels {
	pix := rapid.SliceOfN(rapid.SampledFrom([]uint16{0, 7, 8, 11}), w*h, w*h).Draw(t, "pix")
	return Labels{W: w, H: h, Pix: pix}
}

// TestFiguresAgreeWithTheirDefinitions counts pixel by pixel.
func TestFiguresAgreeWithTheirDefinitions(t *testing.T) {
	labels := NewMapping(classes3, 0)
	e := New(classes3, labels, labels, AbsentZero)
	rapid.Check(t, func(t *rapid.T) {
		truth, pred := drawLabels(t, 5, 4), drawLabels(t, 5, 4)
		stat, err := e.Image(Image{Name: "a", Truth: truth, Pred: pred})
		if err != nil {
			t.Fatal(err)
		}
		var stats Stats
		stats.Add(stat)
		r := e.Result(&stats)
		confusion := e.Confusion(&stats)
		var sum, weighted, right, valid float64
		for i, c := range classes3 {
			var inter, union, of float64
			for k, l := range truth.Pix {
				if l == 0 {
					continue
				}
				inTruth, inPred := l == uint16(c.ID), pred.Pix[k] == uint16(c.ID)
				if inTruth {
					of++
				}
				if inTruth && inPred {
					inter++
				}
				if inTruth || inPred {
					union++
				}
			}
			if union > 0 {
				sum += inter / union
				weighted += of * inter / union
			}
			right, valid = right+inter, valid+of
			if confusion[i][i] != int(inter) {
				t.Fatalf("confusion %v", confusion)
			}
		}
		near := func(got, want float64) bool { return math.Abs(got-want) < 1e-12 } // another order of sums
		if !near(r.MIoU, sum/3) || valid > 0 && (!near(r.PixelAccuracy, right/valid) || !near(r.WeightedIoU, weighted/valid)) {
			t.Fatalf("%+v", r)
		}
	})
}

// TestPartsGiveSameBytes splits a data set, writes and reads the parts, and
// merges them in another order.
func TestPartsGiveSameBytes(t *testing.T) {
	labels := NewMapping(classes3, 0)
	e := New(classes3, labels, labels, AbsentSkipped)
	rapid.Check(t, func(t *rapid.T) {
		var whole Stats
		parts := make([]Stats, 3)
		for i := range rapid.IntRange(0, 5).Draw(t, "images") {
			stat, err := e.Image(Image{Name: fmt.Sprint(9 - i), Truth: drawLabels(t, 3, 3), Pred: drawLabels(t, 3, 3)})
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

// TestWeightsAreCopies holds weights against a data set in which each image is
// there as often.
func TestWeightsAreCopies(t *testing.T) {
	labels := NewMapping(classes3, 0)
	e := New(classes3, labels, labels, AbsentSkipped)
	rapid.Check(t, func(t *rapid.T) {
		var images, copies []ImageStat
		var weights []int
		for range rapid.IntRange(0, 5).Draw(t, "images") {
			stat, err := e.Image(Image{Truth: drawLabels(t, 3, 3), Pred: drawLabels(t, 3, 3)})
			if err != nil {
				t.Fatal(err)
			}
			weight := rapid.IntRange(0, 3).Draw(t, "weight")
			images, weights = append(images, stat), append(weights, weight)
			for range weight {
				copies = append(copies, stat)
			}
		}
		if diff := cmp.Diff(e.Weighted(copies, nil), e.Weighted(images, weights)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestRejected(t *testing.T) {
	labels := NewMapping(classes3, 0)
	e := New(classes3, labels, labels, AbsentSkipped)
	one := func(l uint16) Labels { return Labels{W: 1, H: 1, Pix: []uint16{l}} }
	for want, img := range map[string]Image{
		"ground truth has the unknown label 255 at (0, 0)":           {Truth: one(255), Pred: one(7)},
		"prediction has the unknown label 9 at (1, 1)":               {Truth: Labels{2, 2, []uint16{0, 0, 0, 7}}, Pred: Labels{2, 2, []uint16{0, 0, 0, 9}}},
		"wrong size: prediction is 2 x 1 pixels, ground truth 1 x 1": {Truth: one(7), Pred: Labels{2, 1, []uint16{0, 0}}},
	} {
		img.Name = "a.png"
		if _, err := e.Image(img); err == nil || err.Error() != "iou: image a.png: "+want {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestMappingBeyondTablePanics(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.HasPrefix(text, "iou: New: label 4 is mapped to class 3 of 3") {
			t.Errorf("panic %q", text)
		}
	}()
	New(classes3, Mapping{4: 3}, nil, AbsentSkipped)
}

func BenchmarkImage(b *testing.B) {
	const w, h = 1024, 512
	labels := NewMapping(classes3, 0)
	e := New(classes3, labels, labels, AbsentSkipped)
	truth, pred := Labels{w, h, make([]uint16, w*h)}, Labels{w, h, make([]uint16, w*h)}
	for i := range truth.Pix {
		truth.Pix[i] = []uint16{0, 7, 8, 11}[i/40%4]
		pred.Pix[i] = []uint16{0, 7, 8, 11}[(i+5)/40%4]
	}
	for b.Loop() {
		if _, err := e.Image(Image{Name: "a", Truth: truth, Pred: pred}); err != nil {
			b.Fatal(err)
		}
	}
}
