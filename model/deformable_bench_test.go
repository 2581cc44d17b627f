package model

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/internal/backend/backendtest"
)

// BenchmarkSampling times the sampling of one pixel decoder layer at 640 px: 8,400
// queries, 8 heads, three levels, 806,400 points of 32 channels; forward, and with the
// gradients of values, locations and weights.
func BenchmarkSampling(b *testing.B) {
	levels := []grid{{20, 20}, {40, 40}, {80, 80}}
	const tokens, heads, channels = 8400, 8, 32
	random := func(name string, scale, shift float64, dims ...int) *tensors.Tensor {
		size := 1
		for _, d := range dims {
			size *= d
		}
		list := values(name, "bench", size)
		for i := range list {
			list[i] = shift + scale*list[i]
		}
		return tensors.FromFlatDataAndDimensions(narrow(list), dims...)
	}
	args := []any{
		random("value", 1, 0, 1, tokens, heads, channels),
		random("locations", 0.5, 0.5, 1, tokens, heads, len(levels), arch.Points, 2),
		random("weights", 0.5, 0.5, 1, tokens, heads, len(levels), arch.Points),
	}
	sample := func(in []*Node) *Node {
		return recompute(func(in []*Node) *Node { return samplePoints(in[0], in[1], in[2], levels) }, in...)
	}
	for name, graph := range map[string]func(in []*Node) []*Node{
		"forward": func(in []*Node) []*Node { return []*Node{sample(in)} },
		"gradients": func(in []*Node) []*Node {
			y := sample(in)
			return append(Gradient(ReduceAllSum(Square(y)), in...), y)
		},
	} {
		b.Run(name, func(b *testing.B) {
			exec := MustNewExec(backendtest.Fast(b), graph)
			defer exec.Finalize()
			for i := range b.N + 1 {
				if i == 1 {
					b.ResetTimer() // compiled
				}
				for _, out := range exec.MustCall(args...) {
					if err := out.FinalizeAll(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
