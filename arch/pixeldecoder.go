package arch

import "fmt"

// pixelDecoder lists Mask2Former's pixel decoder with multi-scale deformable attention.
func (t *table) pixelDecoder() {
	a, d := t.a, t.a.DecoderWidth
	t.add("pixel.level_embed", InitNormal, 0, 3, d)
	for k := range 3 {
		name := fmt.Sprintf("pixel.input_projections.%d.", k)
		t.add(name+"0.weight", InitXavier, 0, d, a.Width, 1, 1)
		t.add(name+"0.bias", InitZero, 0, d)
		t.normOf(name+"1", d)
	}
	for i := range a.EncoderLayers {
		name := fmt.Sprintf("pixel.encoder.layers.%d.", i)
		t.deformable(name+"self_attn", d, d, a.DecoderHeads, 3)
		t.normOf(name+"self_attn_layer_norm", d)
		t.feedForward(name, d, a.EncoderHidden)
		t.normOf(name+"final_layer_norm", d)
	}
	t.add("pixel.adapter_1.0.weight", InitUnit, a.Width, d, a.Width, 1, 1)
	t.normOf("pixel.adapter_1.1", d)
	t.add("pixel.layer_1.0.weight", InitUnit, 9*d, d, d, 3, 3)
	t.normOf("pixel.layer_1.1", d)
	t.unitConvolution("pixel.mask_projection", d, d, 1)
}

// deformable lists multi-scale deformable attention over tokens of a width, with
// values of another and a number of levels.
func (t *table) deformable(name string, width, value, heads, levels int) {
	samples := heads * levels * Points
	t.add(name+".sampling_offsets.weight", InitZero, 0, 2*samples, width)
	t.add(name+".sampling_offsets.bias", InitOffsets, heads, 2*samples)
	t.add(name+".attention_weights.weight", InitZero, 0, samples, width)
	t.add(name+".attention_weights.bias", InitZero, 0, samples)
	t.xavierLinear(name+".value_proj", value, width)
	t.xavierLinear(name+".output_proj", width, value)
}
