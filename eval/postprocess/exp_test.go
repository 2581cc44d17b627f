package postprocess

import (
	"math"
	"testing"
)

func TestExpIsRounded(t *testing.T) {
	far := 0
	for x := float32(-110); x < 95; x += 0.000977 {
		want := float32(math.Exp(float64(x)))
		if got := exp(x); got != want {
			far++
			if got != math.Nextafter32(want, 0) && got != math.Nextafter32(want, 2*want) {
				t.Fatalf("exp(%v) = %v, want %v", x, got, want)
			}
		}
	}
	if far > 20 { // of 200,000 values, some lie within 1e-11 of the middle of two floats
		t.Errorf("%d values are the neighbour of the rounded one", far)
	}
	for x, want := range map[float32]float32{0: 1, float32(math.Inf(-1)): 0, float32(math.Inf(1)): float32(math.Inf(1))} {
		if got := exp(x); got != want {
			t.Errorf("exp(%v) = %v, want %v", x, got, want)
		}
	}
	if nan := exp(float32(math.NaN())); nan == nan {
		t.Errorf("exp(NaN) = %v", nan)
	}
}

func TestAboveHalfIsSigmoids(t *testing.T) {
	for x := float32(-4e-7); x < 4e-7; x += 1e-10 {
		if (x > aboveHalf) != (sigmoid(x) >= 0.5) {
			t.Fatalf("sigmoid(%v) = %v, but the logit is above %v: %v", x, sigmoid(x), float32(aboveHalf), x > aboveHalf)
		}
	}
}
