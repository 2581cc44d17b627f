package model

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
)

// spatialPrior is ViT-Adapter's convolutional view of the image (arXiv 2205.08534,
// section 3.3): maps of the ViT's width at strides 4, 8, 16 and 32.
func (n *net) spatialPrior(pixelsBHW3 *Node) []*Node {
	stem, convolutions := arch.PriorConvolutions()
	x := pixelsBHW3
	for _, c := range stem {
		x = n.normedConvolution(c, x)
	}
	x = maxPool(x)
	maps := []*Node{x}
	for _, c := range convolutions {
		x = n.normedConvolution(c, x)
		maps = append(maps, x)
	}
	for i, m := range maps {
		maps[i] = n.pointwise(fmt.Sprintf("adapter.spm.fc%d", i+1), m)
	}
	return maps
}

func (n *net) normedConvolution(c arch.PriorConvolution, x *Node) *Node {
	return relu(n.batchNorm(c.Norm, n.convolve(x, n.params.at(c.Conv+".weight"), c.Stride)))
}

// maxPool halves a map [B, h, w, C] that is nowhere negative: the largest of 3 x 3 pixels
// around the first of each cell, zeros outside. (XLA's gradient of a window's maximum is
// slow.)
func maxPool(x *Node) *Node {
	for _, axis := range []int{1, 2} {
		dims := append([]int{}, x.Shape().Dimensions...)
		halves := append(append(append([]int{}, dims[:axis]...), dims[axis]/2, 2), dims[axis+1:]...)
		pairs := Reshape(x, halves...)
		first := Squeeze(SliceAxis(pairs, axis+1, AxisElem(0)), axis+1)
		second := Squeeze(SliceAxis(pairs, axis+1, AxisElem(1)), axis+1)
		before := SliceAxis(second, axis, AxisRange(0, dims[axis]/2-1))
		zero := ZerosLike(SliceAxis(second, axis, AxisRange(0, 1)))
		x = Max(Max(first, second), Concatenate([]*Node{zero, before}, axis))
	}
	return x
}
