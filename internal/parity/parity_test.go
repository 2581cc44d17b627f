package parity

import (
	"math"
	"path/filepath"
	"testing"
)

func TestRowKeepsTheWorst(t *testing.T) {
	var r Row
	r.Add(0, 0) // equal values of no size
	r.Add(2, 4)
	r.Add(1, 1)
	if r.Absolute != 2 || r.Relative != 1 {
		t.Errorf("largest differences %g and %g, want 2 and 1", r.Absolute, r.Relative)
	}
	r.Add(math.NaN(), 1)
	r.Add(3, 1)
	if !math.IsNaN(r.Absolute) || !math.IsNaN(r.Relative) {
		t.Errorf("a NaN became %g and %g", r.Absolute, r.Relative)
	}
}

func TestFolder(t *testing.T) {
	t.Setenv(goldensKey, "")
	if got := Folder("losses"); got != "testdata" || Fresh() {
		t.Errorf("without fresh files: %s, %t", got, Fresh())
	}
	t.Setenv(goldensKey, "dir")
	if got := Folder("losses"); got != filepath.Join("dir", "losses", "testdata") || !Fresh() {
		t.Errorf("with fresh files: %s, %t", got, Fresh())
	}
}
