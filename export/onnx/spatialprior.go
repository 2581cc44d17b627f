package onnx

import (
	"fmt"

	"eomt/arch"
)

// spatialPrior is ViT-Adapter's convolutional view of normalised pixels: maps of the
// ViT's width at strides 4, 8, 16 and 32.
func (g *graph) spatialPrior(pixels string) []featureMap {
	stem, convolutions := arch.PriorConvolutions()
	m := featureMap{pixels, grid{g.ImageH(), g.ImageW()}}
	for _, c := range stem {
		m = g.normedConvolution(c, m)
	}
	pooled := g.node("MaxPool", "adapter.spm.pool", []string{m.value},
		integers("kernel_shape", []int{3, 3}), integers("pads", []int{1, 1, 1, 1}), integers("strides", []int{2, 2}))
	m = featureMap{pooled, m.half()}
	maps := []featureMap{m}
	for _, c := range convolutions {
		m = g.normedConvolution(c, m)
		maps = append(maps, m)
	}
	for i, m := range maps {
		maps[i] = g.pointwise(fmt.Sprintf("adapter.spm.fc%d", i+1), m)
	}
	return maps
}

// normedConvolution is a 3x3 convolution, BatchNorm and ReLU. The norm is in the
// convolution's weights.
func (g *graph) normedConvolution(c arch.PriorConvolution, m featureMap) featureMap {
	weight, scale := c.Conv+".weight", g.batchNormScale(c.Norm)
	folded := g.constant(derived(weight, "norm"), g.matmul, g.tensors[weight].Shape, func() ([]float32, error) {
		return g.scaled(weight, 0, c.Out, c.In*9, scale)
	})
	shift := g.constant(derived(c.Norm+".bias", "norm"), g.matmul, []int{c.Out}, g.batchNormShift(c.Norm))
	m = g.convolution(c.Conv, m, 3, c.Stride, folded, shift)
	return featureMap{g.relu(c.Conv+".relu", m.value), m.grid}
}
