package model

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// toTokens and toMap turn maps [B, h, w, C] into tokens [B, h*w, C], and back.
func toTokens(x *Node) *Node {
	dims := x.Shape().Dimensions
	return Reshape(x, dims[0], dims[1]*dims[2], dims[3])
}

func toMap(x *Node, at grid) *Node {
	dims := x.Shape().Dimensions
	return Reshape(x, dims[0], at.h, at.w, dims[2])
}

// splitMaps cuts the tokens of several maps apart.
func splitMaps(x *Node, grids []grid) []*Node {
	var maps []*Node
	start := 0
	for _, at := range grids {
		maps = append(maps, toMap(sliceTokens(x, start, start+at.size()), at))
		start += at.size()
	}
	return maps
}

// convolve is a convolution of a map [B, h, w, in] by w [out, in, k, k] without bias,
// padded so that stride 1 keeps the size and stride 2 halves it.
func (n *net) convolve(x, w *Node, stride int) *Node {
	if w.Shape().Dim(2) == 1 {
		return n.dot(x, Reshape(w, w.Shape().Dim(0), w.Shape().Dim(1)))
	}
	dtype := x.DType()
	pad := [2]int{1, 1}
	if stride == 2 {
		pad[1] = 0 // an even side never reaches it
	}
	kernel := TransposeAllAxes(w, 2, 3, 1, 0)
	y := Convolve(ConvertDType(x, n.dtype), ConvertDType(kernel, n.dtype)).Strides(stride).PaddingPerDim([][2]int{pad, pad}).Done()
	return ConvertDType(y, dtype)
}

// pointwise is a 1x1 convolution with bias.
func (n *net) pointwise(name string, x *Node) *Node {
	return n.addBias(n.convolve(x, n.params.at(name+".weight"), 1), n.params.at(name+".bias"))
}

func relu(x *Node) *Node { return Max(x, ZerosLike(x)) }

// enlarge resizes a map [B, h, w, C] bilinearly by a whole factor: half-pixel centres,
// edges repeated, one matrix product an axis.
func enlarge(x *Node, factor int) *Node {
	dtype := x.DType()
	x = widened(x)
	for _, side := range []int{x.Shape().Dim(1), x.Shape().Dim(2)} {
		m := ConstAsDType(x.Graph(), x.DType(), enlargement(side, factor))
		// Contracts the first spatial axis and puts the new one last; after both, [B, C, h, w].
		x = DotGeneral(x, []int{1}, nil, Reshape(m, side*factor, side), []int{1}, nil)
	}
	return ConvertDType(TransposeAllAxes(x, 0, 2, 3, 1), dtype)
}

// enlargement is the matrix [size*factor, size] of bilinear enlarging.
func enlargement(size, factor int) []float64 {
	m := make([]float64, size*factor*size)
	for i := range size * factor {
		at := min(max((float64(i)+0.5)/float64(factor)-0.5, 0), float64(size-1))
		before := min(int(at), size-1)
		after := min(before+1, size-1)
		m[i*size+before] += 1 - (at - float64(before))
		m[i*size+after] += at - float64(before)
	}
	return m
}

// halve resizes a map bilinearly to half its size: the mean of each 2 x 2 cell.
func halve(x *Node) *Node {
	return ConvertDType(toPatchGrid(widened(x), x.Shape().Dim(1)/2, x.Shape().Dim(2)/2), x.DType())
}
