package arch

import "fmt"

// eomt lists what EoMT adds to its backbone: queries, heads and ScaleBlocks.
func (t *table) eomt() {
	a, d := t.a, t.a.Width
	t.part, t.block = PartHead, -1
	t.add(QueryWeight, InitNormal, 0, a.Queries, d)
	t.headLinear("class_head", a.Classes+1, d)
	for _, i := range []int{0, 2, 4} {
		t.headLinear(fmt.Sprintf("mask_head.%d", i), d, d)
	}
	for i := range a.Upscales {
		name := fmt.Sprintf("%s%d.", UpPrefix, i)
		// torch takes a transposed convolution's fan-in from its second axis.
		t.add(name+"conv1.weight", InitUniform, 4*d, d, d, 2, 2)
		t.add(name+"conv1.bias", InitUniform, 4*d, d)
		t.add(name+"conv2.weight", InitUniform, 9, d, 1, 3, 3)
		t.norm(name + "norm")
	}
}
