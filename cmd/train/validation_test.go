package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"eomt/eval"
)

// Every validation leaves what its images count; predictions are kept of the
// latest, and of the best checkpoint before it.
func TestValidationsStay(t *testing.T) {
	b := newBench(t, "panoptic")
	if text, err := b.train("-set", "train.validate_every=1", "-max-steps", "3"); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	before, err := filepath.EvalSymlinks(filepath.Join(b.out, "checkpoints", "best"))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := b.train("-resume", "-set", "train.validate_every=1"); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for step := 1; step <= 4; step++ {
		name := fmt.Sprintf("step-%08d", step)
		folder := filepath.Join(b.out, "eval", name)
		stored, err := eval.ReadStored(folder)
		if err != nil || len(stored.Records) != 2 {
			t.Errorf("%s: %v", name, err)
		}
		_, err = os.Stat(filepath.Join(folder, "panoptic.json"))
		if kept, want := err == nil, step == 4 || name == filepath.Base(before); kept != want {
			t.Errorf("%s: predictions kept: %v, want %v", name, kept, want)
		}
	}
}
