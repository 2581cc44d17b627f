package experiment

import (
	"strings"
	"testing"
)

// train.remat=auto computes blocks again where the step does not fit without, and where
// the memory of the device is not known.
func TestAutomaticRemat(t *testing.T) {
	for limit, want := range map[int64]string{
		100: "train.remat=auto: none, 100 B at most per device.",
		99:  "train.remat=auto: blocks, 60 B at most per device.",
		0:   "train.remat=auto: blocks, 60 B at most per device.",
	} {
		p := planOf(limit, 1)
		p.Config.Train.Remat = "auto"
		if p.Config.Remat() != "none" {
			t.Errorf("undecided: %s", p.Config.Remat())
		}
		if err := p.auto(t.Context(), compileAs(0)); err != nil || p.found() != want {
			t.Errorf("%d bytes: %q, %v, want %q", limit, p.found(), err, want)
		}
	}
	p := planOf(99, 1)
	p.Config.Train.Remat = "none"
	if err := p.auto(t.Context(), compileAs(0)); err != nil || p.Config.Remat() != "none" {
		t.Errorf("none became %s, %v", p.Config.Remat(), err)
	}
}

// Where the compiler reports no memory, auto is none.
func TestAutomaticRematWithoutAReport(t *testing.T) {
	path, _ := tiny(t)
	p, err := NewPlan(t.Context(), read(t, path, "train.remat=auto"), PlanOptions{Backend: "go", Memory: 1})
	if err != nil {
		t.Fatal(err)
	}
	if p.Config.Remat() != "none" || !strings.Contains(p.found(), "auto: none.") {
		t.Error(p.found())
	}
}
