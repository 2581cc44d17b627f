package losses_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/internal/backend/backendtest"
	"eomt/losses"
)

// BenchmarkCriterion is matching and losses with their gradients, S at 640 px: h =
// w = 160, D = 384, Q = 200, 133 classes, 12,544 points, 12 of 16 targets valid, four predictions.
func BenchmarkCriterion(b *testing.B) {
	const h, w, d, q, c, m, targetH, targetW, predictions = 160, 160, 384, 200, 133, 16, 640, 640, 4
	rng := rand.New(rand.NewPCG(10, 1))
	for _, batch := range []int{1, 2} {
		b.Run(fmt.Sprintf("B=%d", batch), func(b *testing.B) {
			exec := MustNewExec(backendtest.Fast(b), func(in []*Node) []*Node {
				const n = predictions
				var masks []losses.Masks
				for i := range n {
					masks = append(masks, losses.Masks{FeaturesBhwD: in[i], EmbeddingBQD: in[n+i]})
				}
				rest := in[3*n:]
				total, _ := losses.Criterion(losses.Defaults(), masks, in[2*n:3*n],
					losses.Targets{PlanesBHWW: rest[0], ClassesBM: rest[1], ValidBM: rest[2]}, rest[3])
				return append([]*Node{total}, Gradient(total, in[:3*n]...)...)
			})
			var args []any
			for range predictions {
				args = append(args, tensors.FromFlatDataAndDimensions(to32(uniform(rng, batch*h*w*d, -3, 3)), batch, h, w, d))
			}
			for range predictions {
				args = append(args, tensors.FromFlatDataAndDimensions(to32(uniform(rng, batch*q*d, -.1, .1)), batch, q, d))
			}
			for range predictions {
				args = append(args, tensors.FromFlatDataAndDimensions(to32(uniform(rng, batch*q*(c+1), -3, 3)), batch, q, c+1))
			}
			planes, valid := make([]uint32, batch*targetH*targetW), make([]bool, batch*m)
			for i := range planes {
				planes[i] = rng.Uint32()
			}
			for i := range valid {
				valid[i] = i%m < 12
			}
			args = append(args, tensors.FromFlatDataAndDimensions(planes, batch, targetH, targetW, 1),
				tensors.FromFlatDataAndDimensions(make([]int32, batch*m), batch, m),
				tensors.FromFlatDataAndDimensions(valid, batch, m), []uint64{1, 2, 3})
			exec.MustCall(args...)
			for b.Loop() {
				for _, x := range exec.MustCall(args...) {
					x.MustFinalizeAll()
				}
			}
		})
	}
}
