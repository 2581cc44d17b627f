package model

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// pyramid makes maps of several scales of the ViT's own at stride 16, each by itself
// (arXiv 2503.19108, section 3.2, in the manner of arXiv 2203.16527): strides 4, 8, 16
// and 32, or 4 and 16 for the decoder on a single scale.
func (n *net) pyramid(f16 *Node) []*Node {
	f4 := f16
	for i := range n.Upscales {
		f4 = n.scaleBlock(upscale(i), f4)
	}
	if n.Levels() == 1 {
		return []*Node{f4, f16}
	}
	return []*Node{f4, n.scaleBlock("pyramid.f8.0.", f16), f16, n.reducingBlock("pyramid.f32.0.", f16)}
}

// reducingBlock is a ScaleBlock that halves a map: its first convolution is 2x2 of
// stride 2, not transposed.
func (n *net) reducingBlock(name string, x *Node) *Node {
	dims := x.Shape().Dimensions
	b, h, w, d := dims[0], dims[1]/2, dims[2]/2, dims[3]
	// Each cell becomes a row in the weight's own order (channel, y, x).
	cells := TransposeAllAxes(Reshape(x, b, h, 2, w, 2, d), 0, 1, 3, 5, 2, 4)
	y := n.dot(Reshape(cells, b, h, w, 4*d), Reshape(n.params.at(name+"conv1.weight"), d, 4*d))
	return n.smooth(name, n.addBias(y, n.params.at(name+"conv1.bias")))
}
