package arch

import "fmt"

// eomt lists what EoMT adds to its backbone: queries, heads and ScaleBlocks.
func (t *table) eomt() {
	a, d := t.a, t.a.Width
	t.add(QueryWeight, InitNormal, 0, a.Queries, d)
	t.headLinear("class_head", a.Classes+1, d)
	for _, i := range []int{0, 2, 4} {
		t.headLinear(fmt.Sprintf("mask_head.%d", i), d, d)
	}
	for i := range a.Upscales {
		t.scaleBlock(fmt.Sprintf("%s%d.", UpPrefix, i))
	}
}
