package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExponent(t *testing.T) {
	for _, c := range []struct {
		x, y []float64
		want float64
	}{
		{[]float64{1, 2, 4}, []float64{3, 12, 48}, 2},
		{[]float64{320, 640, 1280}, []float64{5, 5, 5}, 0},
		{[]float64{1, 2, 4}, []float64{8, 4, 2}, -1},
		{[]float64{3}, []float64{4}, 0},
		{[]float64{1, 2}, []float64{0, 0}, 0}, // a backend that reports no memory
		{nil, nil, 0},
	} {
		if got := exponent(c.x, c.y); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v to %v: %v, want %v", c.x, c.y, got, c.want)
		}
	}
}

func TestGrowthLeavesOutWhatIsTooMuch(t *testing.T) {
	g := Growth{Axis: "image", Points: []Result{{Image: 320, Median: 5, Temporary: 1 << 20}, {Image: 640, Median: 40, Temporary: 4 << 20}}}
	g.fit()
	for _, c := range []struct {
		value     int
		available int64
		want      string
	}{
		{960, 0, "a run would take about 135 s"}, {800, 0, ""}, {800, 6 << 20, "it would take about 6.25 MiB of memory"}, {800, 7 << 20, ""},
	} {
		if got := g.tooMuch(c.value, c.available); got != c.want {
			t.Errorf("%d: %q, want %q", c.value, got, c.want)
		}
	}
	g.Omitted = []string{"960: a run would take about 135 s"}
	var text strings.Builder
	g.write(&text)
	for _, want := range []string{"| 640 | 40.000 (0.000-0.000) | 4.0 |", "left out: image 960: a run", "seconds grow as image^3.00, temporary memory as image^2.00"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q lacks %q", &text, want)
		}
	}
}

// A work is measured along an axis, each point in a process of its own.
func TestGrowth(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.json")
	text, err := bench(t, "-work", "matcher", "-growth", "batch", "-image", "32", "-queries", "20", "-targets", "5", "-seconds", "0.1", "-backend", "go", "-json", path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "| batch | seconds") || !strings.Contains(text, "seconds grow as batch^") {
		t.Errorf("printed %q", text)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var results Results
	if err := json.Unmarshal(raw, &results); err != nil || len(results.Growth) != 1 || len(results.Growth[0].Points) != 3 || results.Growth[0].Points[2].Batch != 4 ||
		results.Growth[0].Points[0].Queries != 20 {
		t.Errorf("%v: %s", err, raw)
	}
}
