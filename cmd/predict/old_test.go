package main

import (
	"image"
	"os"
	"path/filepath"
	"testing"
)

// Run folders of an earlier version, whose state has no class table, predict by
// their config.yaml.
func TestPredictsWithOldRuns(t *testing.T) {
	photo := filepath.Join(t.TempDir(), "photo.jpg")
	if err := os.WriteFile(photo, photograph(t, 90, 41), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"dinov2", "dinov3"} {
		out := filepath.Join(t.TempDir(), "out")
		old := filepath.Join("..", "..", "checkpoints", "testdata", "old", kind)
		if err := run(t.Context(), []string{"-backend", "go", "-weights", old, "-out", out, "-score", "0", photo}); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if got := size(t, filepath.Join(out, "panoptic", "photo.png")); got != image.Pt(41, 90) {
			t.Errorf("%s: the panoptic map is %v", kind, got)
		}
	}
}
