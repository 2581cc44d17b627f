package train

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/internal/backend/backendtest"
	"eomt/model"
)

// A step in bfloat16 has float32's loss within one percent, 2^-9 a rounding, and takes
// and gives a float32 state. (Its gradients are not compared: which query a target gets
// and which points are uncertain is decided by small differences. TestGradientsInBFloat16
// of model compares them.)
func TestStepInBFloat16(t *testing.T) {
	b := backendtest.Go(t)
	var first, last [2]float64
	for i, precision := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
		step := seamStep(t, b, func(c *StepConfig) { c.Precision = precision })
		state := step.start(t, dtypes.Float32)
		all := step.steps(t, state, 8)
		first[i], last[i] = all[0].Total, all[7].Total
		for j, p := range step.config.Network.Architecture().Parameters() {
			for name, tensor := range map[string]interface{ DType() dtypes.DType }{"the parameter": state.Params[j], "first": state.Slots["first"][j], "second": state.Slots["second"][j]} {
				if tensor.DType() != dtypes.Float32 {
					t.Errorf("%s: %s is %s", p.Name, name, tensor.DType())
				}
			}
		}
	}
	if d := math.Abs(first[1]/first[0] - 1); !(d < 0.01) || d == 0 {
		t.Errorf("the loss is %v, in float32 %v", first[1], first[0])
	}
	if !(last[1] < first[1]) || !(math.Abs(last[1]/last[0]-1) < 0.01) {
		t.Errorf("the loss went from %v to %v, in float32 from %v to %v", first[1], last[1], first[0], last[0])
	}
}

// keptWide are the float32 values of at least one number per token and channel that a
// step in bfloat16 keeps between forward and backward pass: feature maps, of 3 images of
// 16 x 16 pixels and 16 channels, which the losses multiply as float32 where the
// backend needs it (losses.Masks; on a GPU they are bfloat16). docs/precision.md names the same.
var keptWide = []string{"ConvertDType (Float32)[3, 256, 16]"}

// What a step in bfloat16 keeps for its backward pass is bfloat16.
func TestKeptInBFloat16(t *testing.T) {
	const images, targets = 3, 8
	for _, remat := range []model.Remat{model.RematNone, model.RematBlocks} {
		step := seamStep(t, backendtest.Go(t), func(c *StepConfig) { c.Precision, c.Remat = dtypes.BFloat16, remat })
		a := step.config.Network.Architecture()
		least := images * a.GridH() * a.GridW() * a.Width
		wide, narrow := map[string]int{}, 0
		exec, err := step.compiled("kept", func(in []*Node) []*Node {
			i := step.splitInputs(in)
			g := step.differentiate(i.params, i.buffers, i.batch, step.draw(i.batch, dtypes.Float32))
			for kept := range keptFor(g.trained, g.total) {
				switch {
				case kept.Shape().Size() < least:
				case kept.DType() == dtypes.BFloat16:
					narrow++
				case kept.DType() == dtypes.Float32:
					wide[fmt.Sprint(kept.Type(), kept.Shape())]++
				}
			}
			return append(g.trained, g.total)
		})
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		if _, err := exec.Compile(step.wholeShapes(images, targets, dtypes.Float32)...); err != nil {
			t.Fatal(err)
		}
		if found := slices.Sorted(maps.Keys(wide)); !slices.Equal(found, keptWide) {
			t.Errorf("%s: kept in float32: %v", remat, found)
		}
		if narrow == 0 {
			t.Error("nothing is kept in bfloat16: the test looks for the wrong values")
		}
	}
}

// keptFor are the values computed up to total that the gradients of total take as inputs,
// parameters of the graph and constants aside.
func keptFor(gradients []*Node, total *Node) map[*Node]bool {
	kept, seen := map[*Node]bool{}, map[*Node]bool{}
	for list := slices.Clone(gradients); len(list) > 0; {
		node := list[0]
		list = list[1:]
		if seen[node] {
			continue
		}
		seen[node] = true
		for _, input := range node.Inputs() {
			switch {
			case input.Id() > total.Id():
				list = append(list, input)
			case input.NumOutputs() == 1 && input.Type() != NodeTypeParameter && input.Type() != NodeTypeConstant:
				kept[input] = true
			}
		}
	}
	return kept
}
