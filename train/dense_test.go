package train

import (
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/internal/backend/backendtest"
)

// A step holds the mask logits of matched queries alone, forward and backward: no value
// of it has the size of all queries at all pixels of the mask grid.
func TestNoMaskLogitsOfAllQueries(t *testing.T) {
	const images, targets = 3, 8
	a := smallArchitecture(3)
	a.Queries = 23 // no other axis has this prime factor
	c := small(3)
	c.Network = network(a)
	step, err := NewStep(backendtest.Go(t), c)
	if err != nil {
		t.Fatal(err)
	}
	dense, matched := images*a.MaskH()*a.MaskW()*a.Queries, 0
	exec, err := step.compiled("sizes", func(in []*Node) []*Node {
		out := step.graph(in)
		for _, node := range in[0].Graph().Nodes() {
			if node.NumOutputs() != 1 {
				continue
			}
			switch node.Shape().Size() {
			case dense:
				t.Errorf("a value of all queries at all pixels: %s", node)
			case images * a.MaskH() * a.MaskW() * targets:
				matched++
			}
		}
		return out
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	if _, err := exec.Compile(step.wholeShapes(images, targets, dtypes.Float32)...); err != nil {
		t.Fatal(err)
	}
	if matched == 0 {
		t.Error("no mask logits of matched queries: the test looks for the wrong sizes")
	}
}
