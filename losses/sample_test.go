package losses_test

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/internal/backend/backendtest"
	"eomt/losses"
)

// uniform returns n values in [low, high).
func uniform(rng *rand.Rand, n int, low, high float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = low + (high-low)*rng.Float64()
	}
	return x
}

// Points reach beyond the map, where zeros are sampled, and lie on its pixels' centres.
func TestSamplersAgree(t *testing.T) {
	const batch, h, w, targets, points = 2, 5, 7, 70, 40
	rng := rand.New(rand.NewPCG(1, 1))
	const words = (targets + 31) / 32
	planes := make([]uint32, batch*h*w*words)
	for i := range planes {
		planes[i] = rng.Uint32()
	}
	dense := make([]float64, batch*h*w*targets)
	for pixel := range batch * h * w {
		for m := range targets {
			dense[pixel*targets+m] = float64(planes[pixel*words+m/32] >> (m % 32) & 1)
		}
	}
	at := uniform(rng, batch*points*2, -.2, 1.2)
	copy(at, []float64{.5 / w, .5 / h, 1.5 / w, 2.5 / h, 0, 0, 1, 1, .5, .5})
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		out := MustExecOnceN(b, func(planes, dense, at *Node) []*Node {
			own := BroadcastToDims(InsertAxes(at, 1), batch, targets, points, 2)
			maps := Reshape(TransposeAllAxes(dense, 0, 3, 1, 2), batch*targets, h, w)
			return []*Node{
				losses.SampleRows(dense, at),
				losses.SamplePlanes(planes, at, targets),
				TransposeAllAxes(losses.SampleOwnPlane(planes, own), 0, 2, 1),
				TransposeAllAxes(Reshape(losses.SampleMaps(maps, Reshape(own, batch*targets, points, 2)), batch, targets, points), 0, 2, 1),
			}
		}, tensors.FromFlatDataAndDimensions(planes, batch, h, w, words),
			tensors.FromFlatDataAndDimensions(dense, batch, h, w, targets),
			tensors.FromFlatDataAndDimensions(at, batch, points, 2))
		want := flat(t, out[0])
		for i, name := range []string{"SamplePlanes", "SampleOwnPlane", "SampleMaps"} {
			near(t, name, flat(t, out[i+1]), want, 1e-15) // the same four products
		}
		for b := range batch {
			for p := range points {
				row := want[(b*points+p)*targets:][:targets]
				near(t, "definition", row, bilinear(dense[b*h*w*targets:], h, w, targets, at[(b*points+p)*2:]), 1e-13)
			}
		}
	})
}

// bilinear is the samplers' definition, written plainly: tent weights of all pixels.
func bilinear(rows []float64, h, w, q int, xy []float64) []float64 {
	out := make([]float64, q)
	for y := range h {
		for x := range w {
			weight := max(0, 1-abs(xy[1]*float64(h)-.5-float64(y))) * max(0, 1-abs(xy[0]*float64(w)-.5-float64(x)))
			for k := range q {
				out[k] += weight * rows[(y*w+x)*q+k]
			}
		}
	}
	return out
}

func abs(x float64) float64 { return max(x, -x) }
