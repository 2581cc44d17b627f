package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"eomt/checkpoints"
	"eomt/data"
	"eomt/data/shapes"
)

// Weights that state other classes than the data set has are refused before
// anything is predicted.
func TestRefusesWeightsOfOtherClasses(t *testing.T) {
	config, weights := tinyRun(t, "panoptic")
	for want, change := range map[string]func([]data.Class){
		"row 0 is class": func(c []data.Class) { c[0], c[1] = c[1], c[0] },
		"thing in training, stuff in validation": func(c []data.Class) {
			c[slices.IndexFunc(c, func(c data.Class) bool { return !c.Thing })].Thing = true
		},
	} {
		loaded, err := checkpoints.Load(weights)
		if err != nil {
			t.Fatal(err)
		}
		loaded.State.Classes = shapes.Classes()
		change(loaded.State.Classes)
		dir := t.TempDir()
		store := checkpoints.Store{Dir: filepath.Join(dir, "checkpoints")}
		if _, err := store.Save(loaded.Snapshot); err != nil {
			t.Fatal(err)
		}
		loaded.Close()
		if _, err := output(t, "-config", config, "-weights", dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "eval: the weights were trained on other classes") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
