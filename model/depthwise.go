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
	return withGradient(nineProducts(x, w), []*Node{x, w}, func(dy *Node) []*Node {
		// Correlation with the kernel rotated by 180 degrees.
		return []*Node{nineProducts(dy, Reverse(w, 2, 3)), depthwiseWeightGradient(x, dy)}
	})
}

// nineProducts sums the nine taps: y[i, j] = sum of x[i+ky-1, j+kx-1] w[ky, kx].
func nineProducts(x, w *Node) *Node {
	padded, d := padHW(x), x.Shape().Dimensions[3]
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
	return ConvertDType(sum, x.DType())
}

// depthwiseWeightGradient is dw [D, 1, 3, 3]: for each tap the sum over pixels of
// the shifted input times dy. Each tap waits for the one before it, so that one
// product of the map's size is alive at a time instead of nine.
func depthwiseWeightGradient(x, dy *Node) *Node {
	padded, d := padHW(x), x.Shape().Dimensions[3]
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
