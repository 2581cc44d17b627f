package iou

import (
	"math"
	"testing"

	"eomt/data/rle"

	"pgregory.net/rapid"
)

// TestInnerAgreesWithMasks holds the pixels away from contours against the
// boundaries of each class's mask by itself, which package rle computes from runs.
func TestInnerAgreesWithMasks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 12).Draw(t, "w"), rapid.IntRange(1, 12).Draw(t, "h")
		d := rapid.IntRange(1, 4).Draw(t, "distance")
		classes := make([]int16, w*h)
		for range rapid.IntRange(0, 3).Draw(t, "boxes") {
			x, y := rapid.IntRange(0, w-1).Draw(t, "x"), rapid.IntRange(0, h-1).Draw(t, "y")
			class := int16(rapid.IntRange(NoClass, 2).Draw(t, "class"))
			for i := range classes {
				if i%w >= x && i/w >= y {
					classes[i] = class
				}
			}
		}
		got := inner(classes, w, h, d)
		for class := int16(NoClass); class < 3; class++ {
			mask := make([]uint8, w*h)
			for i, c := range classes {
				if c == class {
					mask[i] = 1
				}
			}
			// A ratio that rounds to the distance.
			near := rle.Encode(mask, h, w).Boundary(float64(d) / math.Sqrt(float64(w*w+h*h))).Decode()
			for i, c := range classes {
				if c == class && got[i] == (near[i] == 1) {
					t.Fatalf("pixel (%d, %d) of %v at distance %d: inner %v", i%w, i/w, classes, d, got[i])
				}
			}
		}
	})
}

func TestBoundaryIoU(t *testing.T) {
	labels := NewMapping(classes3, 0)
	e := New(classes3, labels, labels, AbsentSkipped)
	e.Boundaries = true
	// Distance 1. All is road but a void corner; the prediction calls the right
	// column sidewalk.
	truth, pred := Labels{W: 6, H: 5, Pix: make([]uint16, 30)}, Labels{W: 6, H: 5, Pix: make([]uint16, 30)}
	for i := range truth.Pix {
		truth.Pix[i], pred.Pix[i] = 7, 7
		if i%6 == 5 {
			pred.Pix[i] = 8
		}
	}
	truth.Pix[0] = 0 // left out
	stat, err := e.Image(Image{Name: "a", Truth: truth, Pred: pred})
	if err != nil {
		t.Fatal(err)
	}
	var stats Stats
	if err := stats.Add(stat); err != nil {
		t.Fatal(err)
	}
	// Truth: the border but one pixel, and (1, 1), which touches void: 18; 12 are
	// inner. Prediction: road's border in 5 columns without the corner 15, sidewalk
	// 5. Of the truth's, 5 are sidewalk's, and (1, 1) is inner road.
	want := []Band{{Class: 0, Truth: 18, Pred: 15, Both: 12}, {Class: 1, Pred: 5}}
	if len(stat.Bands) != 2 || stat.Bands[0] != want[0] || stat.Bands[1] != want[1] {
		t.Errorf("%+v, want %+v", stat.Bands, want)
	}
	r := e.Result(&stats)
	if got := r.Boundary; got == nil || got.PerClass[0].IoU != 12./21 || got.MIoU != 6./21 {
		t.Errorf("%+v", got)
	}
	e.Boundaries = false
	if stat, err = e.Image(Image{Name: "a", Truth: truth, Pred: pred}); err != nil || stat.Bands != nil {
		t.Errorf("%+v, %v", stat.Bands, err)
	}
}
