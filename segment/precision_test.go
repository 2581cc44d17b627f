package segment_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"eomt/checkpoints"
	"eomt/segment"
)

// eval.precision is what a run's weights are predicted with, train.precision is not; the
// option goes before both.
func TestPrecision(t *testing.T) {
	images := make([]uint8, 3*64*64)
	for i := range images {
		images[i] = uint8(i * 7)
	}
	logits := func(text string, o segment.Options) []float32 {
		s := open(t, run(t, checkpoints.State{}, text), o)
		a := s.Architecture
		out, err := s.Predict(images[:3*a.ImageH()*a.ImageW()], 1)
		if err != nil {
			t.Fatal(err)
		}
		return out.Class
	}
	config := configFor("panoptic", "coco", "gone")
	want := logits(config, segment.Options{})
	if got := logits(strings.Replace(config, "train: {", "train: {precision: bf16, ", 1), segment.Options{}); !slices.Equal(got, want) {
		t.Error("train.precision changes predictions")
	}
	for name, got := range map[string][]float32{
		"eval.precision": logits(strings.Replace(config, "eval: {", "eval: {precision: bf16, ", 1), segment.Options{}), "option": logits(config, segment.Options{Precision: "bf16"}),
	} {
		var difference, size float64
		for i := range want {
			difference, size = math.Hypot(difference, float64(got[i]-want[i])), math.Hypot(size, float64(want[i]))
		}
		// Roundings of 2^-9 = 0.2 % at most, some ten on the way: seen are 0.0002.
		if !(difference > 0 && difference < 0.02*size) {
			t.Errorf("%s=bf16: logits differ by %g of their norm", name, difference/size)
		}
	}
}
