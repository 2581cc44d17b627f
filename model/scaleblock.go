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
// only the convolution's result, and mean and deviation of each pixel.
func (n *net) scaleBlock(name string, xBhwD *Node) *Node {
	return n.smooth(name, n.taps(xBhwD, n.params.at(name+"conv1.weight"), n.params.at(name+"conv1.bias")))
}

// upscale is the prefix of the names of ScaleBlock i that leads to the masks' map.
func upscale(i int) string { return fmt.Sprintf("%s%d.", arch.UpPrefix, i) }

// taps are the results of ConvTranspose2d(D, D, 2, stride 2), whose four taps do not
// overlap, as one product leaves them: [B, h, w, 2, 2, D]. w is [in, out, 2, 2].
func (n *net) taps(x, w, bias *Node) *Node {
	dims := x.Shape().Dimensions
	b, h, wd, d := dims[0], dims[1], dims[2], dims[3]
	w = Reshape(TransposeAllAxes(w, 2, 3, 1, 0), 4*d, d) // [ky, kx, out] x in
	bias = Reshape(BroadcastToDims(InsertAxes(bias, 0), 4, d), 4*d)
	return Reshape(n.addBias(n.dot(Reshape(x, b*h*wd, d), w), bias), b, h, wd, 2, 2, d)
}

// upsample is [net.taps] as a map [B, 2h, 2w, D].
func (n *net) upsample(x, w, bias *Node) *Node { return asMap(n.taps(x, w, bias)) }

// smooth is a ScaleBlock after its convolution that changes the size: GELU, depthwise
// convolution and LayerNorm of a map, which may be given as [net.taps].
//
// In the backward pass one map follows the other: the kernel's gradient waits for the
// recomputed GELU, and the rest for the kernel's gradient. The gradient of taps is left as
// they lie, as the product and its bias take it, so that it is computed once.
func (n *net) smooth(name string, x *Node) *Node {
	inputs := []*Node{x, n.params.at(name + "conv2.weight"), n.params.at(name + "norm.weight"), n.params.at(name + "norm.bias")}
	fixed, dtype := stopped(inputs), x.DType()
	x, kernel, weight, bias := fixed[0], fixed[1], fixed[2], fixed[3]
	y := widened(nineProducts(padded(x, asMap(gelu(x))), kernel))
	mean, deviation := moments(y, scaleBlockEpsilon)
	y = Div(Sub(y, mean), deviation)
	y = Add(Mul(y, alongLastAxis(weight, y)), alongLastAxis(bias, y))
	return withGradient(ConvertDType(y, dtype), inputs, func(dy *Node) []*Node {
		active := padded(dy, asMap(gelu(after(dy, x))))
		normal := Div(Sub(widened(nineProducts(active, kernel)), mean), deviation)
		dConvolved, dWeight, dBias := normGradient(widened(dy), normal, deviation, weight)
		dConvolved = ConvertDType(dConvolved, dtype)
		dKernel := depthwiseWeightGradient(active, dConvolved)
		dActive := nineProducts(padded(dKernel, dConvolved), rotated(kernel))
		dx := Mul(widened(asTaps(dActive, x)), geluSlope(widened(after(dKernel, x))))
		return []*Node{ConvertDType(dx, dtype), dKernel, dWeight, dBias}
	})
}

// padded is x padded by one zero on each side, once before is there. XLA would take the
// middle of a plain padded map from x, and keep both.
func padded(before, x *Node) *Node { return after(before, padHW(x)) }

// asMap lays taps [B, h, w, 2, 2, D] out as a map [B, 2h, 2w, D]; a map stays as it is.
func asMap(taps *Node) *Node {
	if taps.Rank() == 4 {
		return taps
	}
	dims := taps.Shape().Dimensions
	return Reshape(TransposeAllAxes(taps, 0, 1, 3, 2, 4, 5), dims[0], 2*dims[1], 2*dims[2], dims[5])
}

// asTaps lays a map out as like is: the inverse of asMap.
func asTaps(x, like *Node) *Node {
	if like.Rank() == 4 {
		return x
	}
	dims := like.Shape().Dimensions
	return TransposeAllAxes(Reshape(x, dims[0], dims[1], 2, dims[2], 2, dims[5]), 0, 1, 3, 2, 4, 5)
}
