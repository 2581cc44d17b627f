package arch

import "fmt"

// pyramid lists the blocks that make maps at strides 4, 8 and 32 of the ViT's own at
// stride 16; the decoder on a single scale needs that at stride 4 alone.
func (t *table) pyramid() {
	for i := range t.a.Upscales {
		t.scaleBlock(fmt.Sprintf("%s%d.", UpPrefix, i))
	}
	if t.a.Levels() == 1 {
		return
	}
	t.scaleBlock("pyramid.f8.0.")
	d := t.a.Width
	t.add("pyramid.f32.0.conv1.weight", InitUniform, 4*d, d, d, 2, 2)
	t.add("pyramid.f32.0.conv1.bias", InitUniform, 4*d, d)
	t.afterScaling("pyramid.f32.0.")
}

// scaleBlock doubles a map: transposed convolution, depthwise convolution, norm.
func (t *table) scaleBlock(name string) {
	d := t.a.Width
	// torch takes a transposed convolution's fan-in from its second axis.
	t.add(name+"conv1.weight", InitUniform, 4*d, d, d, 2, 2)
	t.add(name+"conv1.bias", InitUniform, 4*d, d)
	t.afterScaling(name)
}

func (t *table) afterScaling(name string) {
	t.add(name+"conv2.weight", InitUniform, 9, t.a.Width, 1, 3, 3)
	t.norm(name + "norm")
}
