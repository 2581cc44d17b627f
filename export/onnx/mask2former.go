package onnx

import "fmt"

// mask2former is the forward pass of package model's mask2former: maps of several
// scales, what the decoder attends to, the decoder.
func (g *graph) mask2former() {
	levels, features := g.decoderInputs(g.maps())
	g.maskDecoder(levels, features)
}

// maps are those of strides 4, 8, 16 and 32, or 4 and 16, all of the ViT's width.
func (g *graph) maps() []featureMap {
	pixels := g.normalised()
	x := g.embed(pixels)
	if g.HasAdapter() {
		return g.adapter(pixels, x)
	}
	for i := range g.Blocks {
		x = g.block(i, x, g.Prefix(), "")
	}
	_, patches := g.withoutPrefix("norm", g.layerNorm("norm", x, "backbone.norm", g.NormEps))
	return g.pyramid(patches)
}

// withoutPrefix splits tokens x into the prefix and the patches behind it.
func (g *graph) withoutPrefix(name, x string) (prefix, patches string) {
	parts := g.split(name+".tokens", x, 1, g.Prefix(), g.patchGrid().size())
	return parts[0], parts[1]
}

// decoderInputs are what the decoder's layers attend to, in order, and the mask
// features at stride 4, both of the decoder's width.
func (g *graph) decoderInputs(maps []featureMap) (levels []level, features featureMap) {
	if g.HasPixelDecoder() {
		return g.pixelDecoder(maps)
	}
	for k := range g.Levels() {
		projected := g.pointwise(fmt.Sprintf("decoder.input_projections.%d", k), maps[len(maps)-1-k])
		levels = append(levels, level{g.toTokens(projected), projected.grid})
	}
	return levels, g.pointwise("mask_projection", maps[0])
}

// pyramid makes maps of the patches [batch, N, D], each by itself: strides 4, 8, 16 and
// 32, or 4 and 16 for the decoder on a single scale.
func (g *graph) pyramid(patches string) []featureMap {
	at := g.patchGrid()
	f4 := g.channelsFirst("pyramid.f4", g.upscaled("pyramid.f4", patches), grid{g.MaskH(), g.MaskW()})
	f16 := g.toMap("pyramid.f16", patches, at)
	if g.Levels() == 1 {
		return []featureMap{f4, f16}
	}
	f8 := g.scaleBlock("pyramid.f8", g.narrow(f16.value), "pyramid.f8.0.")
	f32 := g.reducingBlock("pyramid.f32", g.narrow(f16.value), "pyramid.f32.0.")
	return []featureMap{f4, g.channelsFirst("pyramid.f8", f8, at.times(2)), f16, g.channelsFirst("pyramid.f32", f32, at.half())}
}

// reducingBlock is a ScaleBlock that halves a map [batch, D, h, w]: its first
// convolution is not transposed. The result is [batch, h/2, w/2, D], float32.
func (g *graph) reducingBlock(name, x, parameters string) string {
	x = g.node("Conv", name+".conv1", []string{x, g.operand(parameters + "conv1.weight"), g.operand(parameters + "conv1.bias")},
		integers("kernel_shape", []int{2, 2}), integers("strides", []int{2, 2}))
	return g.smooth(name, x, parameters)
}
