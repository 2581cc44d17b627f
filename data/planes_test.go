package data

import (
	"math/rand/v2"
	"testing"
)

func TestPlanesHoldWhatIsSet(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const w, h, n = 7, 5, 70
	p := NewPlanes(w, h, n)
	want := map[[3]int]bool{}
	for range 300 {
		x, y, m := rng.IntN(w), rng.IntN(h), rng.IntN(n)
		p.Set(x, y, m)
		want[[3]int{x, y, m}] = true
	}
	areas := make([]int, n)
	for y := range h {
		for x := range w {
			for m := range n {
				if p.At(x, y, m) != want[[3]int{x, y, m}] {
					t.Fatalf("pixel (%d, %d) of mask %d is %v", x, y, m, p.At(x, y, m))
				}
				if p.At(x, y, m) {
					areas[m]++
				}
			}
		}
	}
	for m, area := range p.Areas(n) {
		if area != areas[m] {
			t.Errorf("area of mask %d: %d, counted %d", m, area, areas[m])
		}
	}
}

func TestBucket(t *testing.T) {
	for n, want := range map[int]int{0: 8, 8: 8, 9: 16, 64: 64, 65: 128, 128: 128, 500: 128} {
		if got := Bucket(n); got != want {
			t.Errorf("Bucket(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestFormatErrorNamesFileAndRecord(t *testing.T) {
	err := &FormatError{Path: "a.zip/b.json", Record: "annotation 7", Reason: "has no category"}
	if got, want := err.Error(), "a.zip/b.json: annotation 7: has no category"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	err.Record = ""
	if got, want := err.Error(), "a.zip/b.json: has no category"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
