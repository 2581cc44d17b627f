package arch

import (
	"strings"
	"testing"
)

// Backbone counts of docs/eomt.md section 1: patch 14 at 518 px, as the DINOv2
// releases with registers have them.
var publishedBackbone = map[string]int{"S": 22_057_344, "B": 86_582_016, "L": 304_370_688, "g": 1_136_483_840}

func TestBackboneParameterCounts(t *testing.T) {
	for size, want := range publishedBackbone {
		c, err := Size(size)
		if err != nil {
			t.Fatal(err)
		}
		c.Patch, c.Grid = 14, [2]int{37, 37}
		got := 0
		for _, p := range c.Parameters() {
			if strings.HasPrefix(p.Name, "backbone.") {
				got += p.Size()
			}
		}
		if got != want {
			t.Errorf("%s: %d backbone parameters, published %d (difference %d)", size, got, want, got-want)
		}
	}
}
