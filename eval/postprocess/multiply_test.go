package postprocess

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestMultiplyAddsInOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct{ queries, classes, width int }{{1, 1, 16}, {7, 5, 48}, {100, 19, 64}, {9, 6, 30}, {4, 3, 16}, {100, 19, 77}, {6, 2, 32}} {
		weights, masks := make([]float32, c.queries*c.classes), make([]float32, c.queries*c.width)
		for i := range weights {
			weights[i] = rng.Float32()
		}
		for i := range masks {
			masks[i] = rng.Float32()
		}
		want, got := make([]float32, c.classes*c.width), make([]float32, c.classes*c.width)
		for i := range want {
			for q := range c.queries {
				want[i] += float32(weights[q*c.classes+i/c.width] * masks[q*c.width+i%c.width])
			}
		}
		multiply(got, weights, masks, c.queries, c.classes)
		if !slices.Equal(got, want) {
			t.Errorf("%+v: sums differ", c)
		}
	}
}

func BenchmarkMultiply(b *testing.B) {
	const queries, classes, width = 100, 150, 512
	weights, masks, dst := make([]float32, queries*classes), make([]float32, queries*width), make([]float32, classes*width)
	for b.Loop() {
		multiply(dst, weights, masks, queries, classes)
	}
}
