package arch

import "fmt"

// maskDecoder lists the Transformer decoder: queries, layers and heads, and in front of
// it, where the pyramid feeds it, the projections of its maps.
func (t *table) maskDecoder() {
	a, d := t.a, t.a.DecoderWidth
	t.add(QueryFeatures, InitNormal, 0, a.Queries, d)
	t.add("decoder.queries.positions", InitNormal, 0, a.Queries, d)
	t.add("decoder.level_embed", InitNormal, 0, a.Levels(), d)
	if !a.HasPixelDecoder() {
		for k := range a.Levels() {
			t.unitConvolution(fmt.Sprintf("decoder.input_projections.%d", k), d, a.Width, 1)
		}
		t.unitConvolution("mask_projection", d, a.Width, 1)
	}
	for i := range a.DecoderLayers {
		name := fmt.Sprintf("decoder.layers.%d.", i)
		for _, kind := range []string{"cross", "self"} {
			t.xavierLinear(name+kind+".qkv", 3*d, d)
			t.xavierLinear(name+kind+".proj", d, d)
			t.normOf(name+kind+"_norm", d)
		}
		t.feedForward(name, d, a.DecoderHidden)
		t.normOf(name+"ffn_norm", d)
	}
	t.normOf("decoder.norm", d)
	t.headLinear("class_head", a.Classes+1, d)
	for _, i := range []int{0, 2, 4} {
		t.headLinear(fmt.Sprintf("mask_head.%d", i), d, d)
	}
}

// feedForward is Linear-ReLU-Linear with Xavier weights and torch's biases.
func (t *table) feedForward(name string, d, hidden int) {
	t.add(name+"fc1.weight", InitXavier, 0, hidden, d)
	t.add(name+"fc1.bias", InitUniform, d, hidden)
	t.add(name+"fc2.weight", InitXavier, 0, d, hidden)
	t.add(name+"fc2.bias", InitUniform, hidden, d)
}

func (t *table) xavierLinear(name string, out, in int) {
	t.add(name+".weight", InitXavier, 0, out, in)
	t.add(name+".bias", InitZero, 0, out)
}

// unitConvolution is a side x side convolution with bias, see [InitUnit].
func (t *table) unitConvolution(name string, out, in, side int) {
	t.add(name+".weight", InitUnit, in*side*side, out, in, side, side)
	t.add(name+".bias", InitZero, 0, out)
}
