package arch

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// layerScaleInit is what ls1 and ls2 start at where training starts from scratch.
// Differs: timm's 1e-5 is meant for hundreds of epochs; a ViT trained here from
// scratch is small, and 1 lets it move from the first step.
const layerScaleInit = 1.0

// Initialize returns the parameter's starting values for a run's seed. They
// depend on seed and name alone, not on the order or number of other parameters.
func (p Parameter) Initialize(seed uint64) []float32 {
	h := fnv.New64a()
	h.Write([]byte(p.Name))
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	draw := func() float64 { return 0 }
	switch p.Init {
	case InitOne:
		draw = func() float64 { return 1 }
	case InitNormal:
		draw = rng.NormFloat64
	case InitUniform:
		bound := 1 / math.Sqrt(float64(p.Fan))
		draw = func() float64 { return bound * (2*rng.Float64() - 1) }
	case InitUnit:
		bound := math.Sqrt(3 / float64(p.Fan))
		draw = func() float64 { return bound * (2*rng.Float64() - 1) }
	case InitXavier:
		bound := math.Sqrt(6 / float64(p.Shape[0]+p.Shape[1]) / float64(size(p.Shape[2:])))
		draw = func() float64 { return bound * (2*rng.Float64() - 1) }
	case InitConvolution:
		deviation := math.Sqrt(2 / float64(p.Fan))
		draw = func() float64 { return deviation * rng.NormFloat64() }
	case InitOffsets:
		return offsets(p.Fan, p.Size())
	case InitTruncated:
		std := 0.02
		if p.Fan > 0 {
			std = min(1/math.Sqrt(float64(p.Fan)), 0.1)
		}
		draw = func() float64 {
			for {
				if x := rng.NormFloat64(); math.Abs(x) <= 2 {
					return std * x
				}
			}
		}
	case InitLayerScale:
		draw = func() float64 { return layerScaleInit }
	}
	values := make([]float32, p.Size())
	for i := range values {
		values[i] = float32(draw())
	}
	return values
}

// offsets are the biases of deformable attention's offsets [heads, levels, Points, xy]:
// head m's points lie in direction 2 pi m / heads, on squares 1 to Points pixels around
// the query, alike on all levels.
func offsets(heads, count int) []float32 {
	var values []float32
	perHead := count / heads
	for m := range heads {
		sin, cos := math.Sincos(2 * math.Pi * float64(m) / float64(heads))
		largest := max(math.Abs(sin), math.Abs(cos))
		for i := range perHead / 2 {
			distance := float64(i%Points+1) / largest
			values = append(values, float32(cos*distance), float32(sin*distance))
		}
	}
	return values
}
