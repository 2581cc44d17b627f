package postprocess

import "math"

// sigmoid rounds where float32 arithmetic does: after exp, sum and quotient.
func sigmoid(x float32) float32 { return 1 / (1 + exp(-x)) }

// aboveHalf is the logit beyond which [sigmoid] gives at least one half, with
// the roundings of float32: exp(-x) must not exceed 1 by more than its last bit.
const aboveHalf = -0x1.8p-23

// exp is e^x, rounded to float32. It replaces math.Exp, whose assembly mixes
// instruction sets: in a program built with GOEXPERIMENT=simd it took 1.5 us per
// call, 60 times longer than without, because of what preemption leaves in the vector
// registers.
func exp(x float32) float32 {
	const underflow, overflow = -104, 89 // of float32
	switch {
	case x < underflow:
		return 0
	case x > overflow:
		return float32(math.Inf(1))
	case x != x:
		return x
	}
	// x = (n/32) ln 2 + r with |r| <= ln 2 / 64
	shifted := float64(x)*(steps*math.Log2E) + (1024*steps + 0.5)
	n := int(shifted) - 1024*steps
	r := float64(x) - float64(n)*(math.Ln2/steps)
	// Taylor to the fourth power: relative error below 2e-12
	p := 1 + r*(1+r*(1./2+r*(1./6+r*(1./24))))
	return float32(p * roots[n&(steps-1)] * math.Float64frombits(uint64(n>>stepBits+1023)<<52))
}

// steps are the roots of 2 that exp looks up.
const (
	stepBits = 5
	steps    = 1 << stepBits
)

// roots are 2^(i/steps).
var roots = func() (r [steps]float64) {
	for i := range r {
		r[i] = math.Exp2(float64(i) / steps)
	}
	return r
}()
