package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/checkpoints/tensor"
	"eomt/checkpoints/weights"
)

// A run that meets a step which is not finite says where it kept it, and -replay names
// the tensor.
func TestReplayOfACapturedStep(t *testing.T) {
	b := newBench(t, "panoptic")
	if _, err := b.train("-max-steps", "1"); err != nil {
		t.Fatal(err)
	}
	// Weights with an MLP that overflows.
	spoilt := filepath.Join(t.TempDir(), "spoilt")
	m, err := weights.Open(b.out)
	if err != nil {
		t.Fatal(err)
	}
	for i, one := range m.Tensors {
		if one.Name == "backbone.blocks.1.mlp.fc1.weight" {
			values := make([]float32, one.Elements())
			for k := range values {
				values[k] = 3e38
			}
			m.Tensors[i] = tensor.FromFloat32s(one.Name, one.Shape, values)
		}
	}
	if err := m.WriteNative(spoilt); err != nil {
		t.Fatal(err)
	}
	b.out = filepath.Join(t.TempDir(), "run")
	_, err = b.train("-set", "weights="+spoilt)
	dir := filepath.Join(b.out, "nonfinite", "step-00000000")
	if want := "; nothing was saved yet (lower train.lr, or look at these images with cmd/data inspect); cmd/train -replay " + dir + " repeats the step"; err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("%v lacks %q", err, want)
	}
	if err := os.RemoveAll(b.root); err != nil { // a replay needs no data set
		t.Fatal(err)
	}
	text, err := output(t, "-backend", "go", "-replay", dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"step 0 with 2 images: loss NaN", "first tensor that is not finite: tokens after block 1, ", " values of image 0 (" + b.root, ", and in 1 more of 2 images", "\nthen: mask logits of prediction 1", "\nand 4"} {
		if !strings.Contains(text, want) {
			t.Errorf("printed %q, want %q", text, want)
		}
	}
	text, err = output(t, "-backend", "go", "-replay", dir, "-config", filepath.Join(dir, "config.yaml"), "-set", "train.lr=1e-9")
	if err != nil || !strings.Contains(text, "first tensor that is not finite") {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestReplayErrors(t *testing.T) {
	for want, args := range map[string][]string{
		"want the folder that a run named when it stopped, RUN/nonfinite/step-NNNNNNNN": {"-replay", t.TempDir()},
		"-replay takes -config, -set and -backend only":                                 {"-replay", "x", "-resume"},
	} {
		if _, err := output(t, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}
