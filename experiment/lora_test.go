package experiment

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"eomt/checkpoints"
	"eomt/checkpoints/weights"
	"eomt/data"
	"eomt/segment"
)

// A run with low-rank factors starts as its base, and its folder segments as the run
// itself predicts: merged weights differ from factors by rounding alone.
func TestMergedFactorsPredictTheSame(t *testing.T) {
	path, _ := tiny(t)
	base := filepath.Join(t.TempDir(), "base")
	c := read(t, path, "train.lora.rank=3", "train.lora.alpha=6", "train.lr=0.05", "train.ema=0.5")
	a, err := c.Model.Architecture(8)
	if err != nil {
		t.Fatal(err)
	}
	if err := weights.Random(a, 7).WriteNative(base); err != nil {
		t.Fatal(err)
	}
	c.Weights = base
	out := filepath.Join(t.TempDir(), "run")
	run, notes, err := open(t, c, Options{Dir: out})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(notes, "initialised at random") {
		t.Error(notes)
	}
	pixels := make([]uint8, 2*64*64*3)
	for i := range pixels {
		pixels[i] = uint8(i * 7919 >> 3)
	}
	if _, err := run.predictorOf(run.State, nil); err != nil {
		t.Fatal(err)
	}
	first, err := run.predictor.Predict(pixels, 2)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "before training", first.Masks, predicted(t, base, pixels, segment.Options{}), 0)
	if err := run.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	last, err := run.predictor.Predict(pixels, 2) // with the values of the last validation
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(first.Masks, last.Masks) {
		t.Fatal("training has changed nothing")
	}
	merged := predicted(t, out, pixels, segment.Options{})
	compare(t, "after training", last.Masks, merged, 1e-5)
	if slices.Equal(merged, predicted(t, out, pixels, segment.Options{Last: true})) {
		t.Error("moving averages are those of the step")
	}

	stored, err := checkpoints.Load(out)
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	model, err := weights.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if n := len(model.Tensors); n != len(a.Tensors()) || len(stored.Params) != n+2*6*a.Blocks || model.Architecture.LoRA.Rank != 0 {
		t.Errorf("%d tensors merged, %d stored", n, len(stored.Params))
	}
	if got := model.Loading.String(); !strings.Contains(got, "; 12 pairs of low-rank factors merged (train.lora)") {
		t.Error(got)
	}
}

// predicted are the mask logits of weights as the other commands open them.
func predicted(t *testing.T, path string, pixels []uint8, o segment.Options) []float32 {
	t.Helper()
	o.Backend = "go"
	o.Classes = make([]data.Class, 8)
	s, err := segment.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	logits, err := s.Predict(pixels, 2)
	if err != nil {
		t.Fatal(err)
	}
	return logits.Masks
}

// compare holds got to want within a tolerance relative to the largest value.
func compare(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	var largest, differ float64
	for i := range want {
		largest = max(largest, math.Abs(float64(want[i])))
		differ = max(differ, math.Abs(float64(got[i]-want[i])))
	}
	t.Logf("%s: mask logits up to %.3g differ by at most %.2g", what, largest, differ)
	if !(differ <= tolerance*largest) {
		t.Errorf("%s: mask logits up to %g differ by %g", what, largest, differ)
	}
}
