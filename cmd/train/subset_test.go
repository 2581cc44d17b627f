package main

import (
	"bytes"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/train/tensorboard/tensorboardtest"
)

// With eval.limit, validations see the first images, the last state all of them; the
// best checkpoint follows from the former alone, and a run that had ended does nothing.
func TestValidationsOfASubset(t *testing.T) {
	b := newBench(t, "panoptic")
	more := []string{"-set", "data.shapes.val=3", "-set", "eval.limit=2", "-set", "train.validate_every=2", "-resume", "auto"}
	text, err := b.train(more...)
	if err != nil {
		t.Fatal(err)
	}
	var heads []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "step ") {
			heads = append(heads, strings.TrimSpace(line))
		}
	}
	if got, want := strings.Join(heads, "; "), "step 2, the first 2 of 3 validation images; step 4, the first 2 of 3 validation images; step 4, 3 validation images"; got != want {
		t.Errorf("evaluated %q, want %q", got, want)
	}
	raw, err := os.ReadFile(filepath.Join(b.out, "validations.json"))
	var listed []struct{ Step, Images int }
	if err == nil {
		err = json.Unmarshal(raw, &listed)
	}
	if err != nil || len(listed) != 2 || listed[0].Images != 2 || listed[1].Images != 2 {
		t.Errorf("validations %s, %v", raw, err)
	}
	if text, err := b.train(more...); err != nil || text != "" {
		t.Errorf("a run that had ended printed %q, %v", text, err)
	}
}

// TensorBoard gets some validation images with truth and prediction, also where a run
// resumes at a validation.
func TestPicturesOfValidations(t *testing.T) {
	for _, task := range []string{"panoptic", "instance", "semantic"} {
		b := newBench(t, task)
		for _, steps := range []string{"2", "3"} {
			if _, err := b.train("-set", "train.validate_every=2", "-resume", "auto", "-max-steps", steps); err != nil {
				t.Fatal(err)
			}
		}
		shown := map[int]int{}
		for tag, events := range tensorboardtest.Read(t, filepath.Join(b.out, "tensorboard")) {
			if !strings.HasPrefix(tag, "validation/0") {
				continue
			}
			for _, e := range events {
				shown[e.Step]++
				if picture, err := png.Decode(bytes.NewReader(e.Image)); err != nil || picture.Bounds().Dx() != e.W || picture.Bounds().Dy() != e.H || e.W < 2*e.H-20 {
					t.Errorf("%s: %d x %d, %v", tag, e.W, e.H, err)
				}
			}
		}
		if shown[2] != 2 || shown[3] != 2 {
			t.Errorf("%s: pictures by step %v, want 2 of step 2 and of step 3", task, shown)
		}
	}
}
