package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"eomt/checkpoints"
	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
)

// A run that an earlier version left after two of its four steps is resumed and
// ends where that version ended.
func TestResumeOldRun(t *testing.T) {
	// Parameters are of order 1 and move by up to 0.01 per step; float32 sums may
	// be taken in another order by another processor.
	const tolerance = 1e-5
	for _, kind := range []string{"dinov2", "dinov3"} {
		old := filepath.Join("..", "..", "checkpoints", "testdata", "old", kind)
		out := filepath.Join(t.TempDir(), kind)
		if err := os.CopyFS(out, os.DirFS(old)); err != nil {
			t.Fatal(err)
		}
		if _, err := output(t, "-backend", "go", "-config", filepath.Join(old, "config.yaml"), "-out", out, "-resume",
			"-set", "data.root="+filepath.Join(t.TempDir(), "shapes")); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		loaded, err := checkpoints.Load(out)
		if err != nil {
			t.Fatal(err)
		}
		defer loaded.Close()
		if loaded.State.Step != 4 {
			t.Fatalf("%s: the resumed run ended after step %d, want 4", kind, loaded.State.Step)
		}
		// What that version did not save is added.
		if s := loaded.State; s.Task == "" || len(s.Classes) != s.Architecture.Classes || s.Thresholds == nil {
			t.Errorf("%s: task %q, %d classes, thresholds %v in the new checkpoint", kind, s.Task, len(s.Classes), s.Thresholds)
		}
		want, err := safetensors.Open(old + ".resumed.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		defer want.Close()
		got := tensor.ByName(loaded.Params)
		if len(got) != len(want.Tensors) {
			t.Errorf("%s: %d parameters, want %d", kind, len(got), len(want.Tensors))
		}
		for _, one := range want.Tensors {
			if d := largestDifference(t, got[one.Name], one); !(d <= tolerance) {
				t.Errorf("%s: %s differs by %g", kind, one.Name, d)
			}
		}
	}
}

func largestDifference(t *testing.T, a, b tensor.Tensor) float64 {
	t.Helper()
	x, err := a.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	if len(x) != len(y) {
		return math.Inf(1)
	}
	var largest float64
	for i := range x {
		largest = max(largest, math.Abs(float64(x[i]-y[i])))
	}
	return largest
}
