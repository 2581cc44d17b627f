package model

import (
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// depthwise is a 3x3 depthwise convolution, zero padding 1, no bias: x [B, h, w, D]
// by w [D, 1, 3, 3], as nine shifted products, with an explicit gradient.
//
// XLA's grouped convolution is twenty times slower on a CPU, and the automatic
// gradient of the nine products is a chain of pads and of sums over pixels that run
// channel by channel (docs/performance.md).
func depthwise(x, w *Node) *Node {
	var dy *Node // set by the backward pass before the two gradients below run
	wPath := IdentityWithCustomGradient(w, func(_, _ *Node) *Node {
		return depthwiseWeightGradient(StopGradient(x), dy)
	})
	xPath := IdentityWithCustomGradient(x, func(_, _ *Node) *Node {
		// Correlation with the kernel rotated by 180 degrees.
		return nineProducts(dy, Reverse(StopGradient(w), 2, 3))
	})
	y := StopGradient(nineProducts(x, w))
	// Zero in value; connects y to both operands' gradients.
	y = Add(y, Sub(xPath, StopGradient(xPath)))
	y = Add(y, BroadcastLike(ReduceAllSum(Sub(wPath, StopGradient(wPath))), y))
	return IdentityWithCustomGradient(y, func(_, v *Node) *Node {
		dy = v
		return v
	})
}

// nineProducts sums the nine taps: y[i, j] = sum of x[i+ky-1, j+kx-1] w[ky, kx].
func nineProducts(x, w *Node) *Node {
	padded, d := padHW(x), x.Shape().Dimensions[3]
	var sum *Node
	for ky := range 3 {
		for kx := range 3 {
			shifted := shift(padded, ky, kx)
			tap := Reshape(Slice(w, AxisRange(), AxisRange(), AxisElem(ky), AxisElem(kx)), d)
			term := Mul(shifted, alongLastAxis(tap, shifted))
			if sum == nil {
				sum = term
			} else {
				sum = Add(sum, term)
			}
		}
	}
	return sum
}

// depthwiseWeightGradient is dw [D, 1, 3, 3]: for each tap the sum over pixels of
// the shifted input times dy.
//
// The sums are matrix products with rows of ones. XLA's CPU compiler fuses a plain
// sum with its input and then walks the pixels once per channel; it keeps a matrix
// product with a few rows, of which one is used.
func depthwiseWeightGradient(x, dy *Node) *Node {
	const fewRows = 4
	padded, d := padHW(x), x.Shape().Dimensions[3]
	pixels := x.Shape().Size() / d
	ones := Ones(x.Graph(), shapes.Make(x.DType(), fewRows, pixels))
	taps := make([]*Node, 0, 9)
	for ky := range 3 {
		for kx := range 3 {
			product := Reshape(Mul(shift(padded, ky, kx), dy), pixels, d)
			sums := DotGeneral(ones, []int{1}, nil, product, []int{0}, nil)
			taps = append(taps, Reshape(SliceAxis(sums, 0, AxisElem(0)), d))
		}
	}
	return Reshape(Stack(taps, 1), d, 1, 3, 3)
}

// shift crops the window at (ky, kx) from a map padded by one on each side.
func shift(padded *Node, ky, kx int) *Node {
	dims := padded.Shape().Dimensions
	return Slice(padded, AxisRange(), AxisRange(ky, ky+dims[1]-2), AxisRange(kx, kx+dims[2]-2), AxisRange())
}
