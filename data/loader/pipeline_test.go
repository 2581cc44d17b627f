package loader_test

import (
	"context"
	"path/filepath"
	"testing"

	"eomt/data"
	"eomt/data/coco"
	"eomt/data/loader"
	"eomt/data/shapes"
	"eomt/data/transform"
)

// generated opens a generated data set in panoptic format.
func generated(t testing.TB, images, size int) *coco.Dataset {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shapes")
	if err := shapes.Generate(context.Background(), shapes.Config{Dir: dir, Train: images, Size: size, Seed: 1}, nil); err != nil {
		t.Fatal(err)
	}
	set, err := coco.OpenPanoptic(data.OpenOptions{Root: dir, Split: "train"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

// From files to a batch: every valid target has pixels and a class
// of the table, no other bit is set, and no crowd is among them.
func TestGeneratedDataSet(t *testing.T) {
	set := generated(t, 24, 96)
	l := start(t, set, loader.Config{Batch: 8, Seed: 9,
		Transform: transform.Train{H: 64, W: 64, ScaleMin: .5, ScaleMax: 2, ColorJitter: true}})
	for _, b := range take(t, l, 6) {
		if b.B != 8 || b.H != 64 || b.W != 64 || b.M < 8 {
			t.Fatalf("batch of %d x %d x %d with %d targets", b.B, b.H, b.W, b.M)
		}
		words := len(b.Masks) / (b.B * b.H * b.W)
		for i := range b.B {
			var seen [128]bool
			for pixel := range b.H * b.W {
				for m := range words * 32 {
					if b.Masks[(i*b.H*b.W+pixel)*words+m/32]>>(m%32)&1 == 1 {
						seen[m] = true
					}
				}
			}
			for m := range b.M {
				if seen[m] != b.Valid[i*b.M+m] || int(b.Classes[i*b.M+m]) >= len(set.Classes()) {
					t.Fatalf("%s: target %d: valid %v, pixels %v", b.Names[i], m, b.Valid[i*b.M+m], seen[m])
				}
			}
		}
	}
}
