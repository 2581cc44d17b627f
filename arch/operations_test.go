package arch

import (
	"math"
	"testing"
)

// The figures of arXiv 2503.19108 at 640 px: GFLOPs, and millions of parameters
// where stated.
var published = map[string]struct{ gigaFLOPs, megaParameters float64 }{
	"S": {68, 0}, "B": {216, 0}, "L": {669, 316}, "g": {2261, 0},
}

func TestPublishedCounts(t *testing.T) {
	// The figures are rounded to a unit, 0.7 % of the smallest.
	const tolerance = 0.01
	for size, want := range published {
		c, err := Size(size)
		if err != nil {
			t.Fatal(err)
		}
		flops := float64(c.MultiplyAdds(1)) / 1e9
		parameters := 0.0
		for _, p := range c.Parameters() {
			parameters += float64(p.Size()) / 1e6
		}
		t.Logf("%s: %.1f GFLOPs (published %g), with masks %.1f; %.1f M parameters", size, flops, want.gigaFLOPs,
			float64(c.MultiplyAdds(c.MaskBlocks+1))/1e9, parameters)
		if math.Abs(flops/want.gigaFLOPs-1) > tolerance {
			t.Errorf("%s: %.1f GFLOPs, published %g", size, flops, want.gigaFLOPs)
		}
		if want.megaParameters > 0 && math.Abs(parameters/want.megaParameters-1) > tolerance {
			t.Errorf("%s: %.1f M parameters, published %g", size, parameters, want.megaParameters)
		}
	}
}
