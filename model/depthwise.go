package model

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// depthwise is a 3x3 depthwise convolution, zero padding 1, no bias: x [B, h, w, D]
// by w [D, 1, 3, 3], as nine shifted products, with an explicit gradient.
//
// XLA's grouped convolution is twenty times slower on a CPU, and the automatic
// gradient of the nine products is a chain of pads and of sums over pixels that run
// channel by channel (docs/performance.md).
func depthwise(x, w *Node) *Node {
	return withGradient(nineProducts(padHW(x), w), []*Node{x, w}, func(dy *Node) []*Node {
		return []*Node{nineProducts(padHW(dy), rotated(w)), depthwiseWeightGradient(padHW(x), dy)}
	})
}

// rotated is w rotated by 180 degrees: correlation with it is the gradient of the
// convolution's input.
func rotated(w *Node) *Node { return Reverse(w, 2, 3) }

// nineProducts is the convolution of a map that is padded by one on each side,
// [B, h+2, w+2, D]: y[i, j] = sum of padded[i+ky, j+kx] w[ky, kx].
func nineProducts(padded, w *Node) *Node {
	d := padded.Shape().Dimensions[3]
	var sum *Node
	for ky := range 3 {
		for kx := range 3 {
			shifted := widened(shift(padded, ky, kx))
			tap := Reshape(Slice(w, AxisRange(), AxisRange(), AxisElem(ky), AxisElem(kx)), d)
			term := Mul(shifted, alongLastAxis(tap, shifted))
			if sum == nil {
				sum = term
			} else {
				sum = Add(sum, term)
			}
		}
	}
	return ConvertDType(sum, padded.DType())
}

// depthwiseWeightGradient is dw [D, 1, 3, 3], given the padded input and the gradient of
// the result: for each tap the sum over pixels of the shifted input times dy. Each tap
// waits for the one before it, so that one product of the map's size is alive at a
// time instead of nine.
func depthwiseWeightGradient(padded, dy *Node) *Node {
	d := padded.Shape().Dimensions[3]
	taps := make([]*Node, 0, 9)
	for ky := range 3 {
		for kx := range 3 {
			if len(taps) > 0 {
				dy = after(taps[len(taps)-1], dy)
			}
			taps = append(taps, columnSums(Mul(widened(shift(padded, ky, kx)), widened(dy))))
		}
	}
	return Reshape(Stack(taps, 1), d, 1, 3, 3)
}

// shift crops the window at (ky, kx) from a map padded by one on each side.
func shift(padded *Node, ky, kx int) *Node {
	dims := padded.Shape().Dimensions
	return Slice(padded, AxisRange(), AxisRange(ky, ky+dims[1]-2), AxisRange(kx, kx+dims[2]-2), AxisRange())
}
