package model

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
)

// scaleBlockEpsilon is the epsilon of the ScaleBlocks' LayerNorm over channels.
const scaleBlockEpsilon = 1e-6

// scaleBlock doubles a map [B, h, w, D]: transposed convolution 2x2 stride 2,
// GELU, depthwise 3x3, LayerNorm over channels. The backward pass keeps
// only the convolution's result.
func (n *net) scaleBlock(name string, xBhwD *Node) *Node {
	return n.smooth(name, n.upsample(xBhwD, n.params.at(name+"conv1.weight"), n.params.at(name+"conv1.bias")))
}

// upscale is the prefix of the names of ScaleBlock i that leads to the masks' map.
func upscale(i int) string { return fmt.Sprintf("%s%d.", arch.UpPrefix, i) }

// smooth is a ScaleBlock after its convolution that changes the size.
func (n *net) smooth(name string, x *Node) *Node {
	smooth := func(in []*Node) *Node {
		return layerNorm(depthwise(gelu(in[0]), in[1]), in[2], in[3], scaleBlockEpsilon)
	}
	return recompute(smooth, x, n.params.at(name+"conv2.weight"), n.params.at(name+"norm.weight"), n.params.at(name+"norm.bias"))
}

// upsample is ConvTranspose2d(D, D, 2, stride 2) as one product: its four taps do
// not overlap. w is [in, out, 2, 2].
func (n *net) upsample(x, w, bias *Node) *Node {
	dims := x.Shape().Dimensions
	b, h, wd, d := dims[0], dims[1], dims[2], dims[3]
	taps := Reshape(TransposeAllAxes(w, 2, 3, 1, 0), 4*d, d) // [ky, kx, out] x in
	y := Reshape(n.dot(x, taps), b, h, wd, 2, 2, d)
	y = Reshape(TransposeAllAxes(y, 0, 1, 3, 2, 4, 5), b, 2*h, 2*wd, d)
	return n.addBias(y, bias)
}
