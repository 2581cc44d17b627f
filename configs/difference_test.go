package configs

import (
	"slices"
	"testing"
)

func TestDifferences(t *testing.T) {
	a, err := Read("quickstart.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b, err := Read("quickstart.yaml", "train.lr=2e-3", "train.epochs=3", "data.scale=[1, 1]", "model.registers=0", "weights=w", "data.shapes.train=9")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"weights (not stated) -> w", "model.registers 4 -> 0", "data.scale [0.8, 1.25] -> [1, 1]", "data.shapes.train 2000 -> 9",
		"train.epochs 0 -> 3", "train.total_steps 200 -> 0", "train.lr 0.001 -> 0.002"}
	if got := Differences(a, b); !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	if got := Differences(a, a); got != nil {
		t.Errorf("a configuration differs from itself in %q", got)
	}
}
