package postprocess

import "testing"

func BenchmarkSigmoid(b *testing.B) {
	row, out := make([]float32, 1024), make([]float32, 1024)
	for i := range row {
		row[i] = float32(i%37) - 18.3
	}
	for b.Loop() {
		for i, x := range row {
			out[i] = sigmoid(x)
		}
	}
}
