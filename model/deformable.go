package model

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
)

// grid is a map's height and width.
type grid struct{ h, w int }

func (g grid) size() int { return g.h * g.w }

// references are the points at which queries on the positions of grids stand, xy in
// (0, 1), one grid after the other: position (i, j) is at ((j+.5)/w, (i+.5)/h).
func references(grids ...grid) []float64 {
	var points []float64
	for _, g := range grids {
		for i := range g.h {
			for j := range g.w {
				points = append(points, (float64(j)+0.5)/float64(g.w), (float64(i)+0.5)/float64(g.h))
			}
		}
	}
	return points
}

// attendPoints is multi-scale deformable attention (arXiv 2010.04159) of queries
// [B, T, D] at reference points (host, T xy in (0, 1)) to features [B, S, D], the tokens
// of the levels' maps one after the other: each head sums 4 points a level of its values,
// at places and with weights that the query's token gives. Values have the given width.
func (n *net) attendPoints(name string, queriesBTD *Node, points []float64, featuresBSD *Node, levels []grid, heads, width int) *Node {
	dims := queriesBTD.Shape().Dimensions
	b, t, g := dims[0], dims[1], queriesBTD.Graph()
	exact := n.inParameters() // a bf16 coordinate on a wide map is a quarter pixel off
	dtype := exact.dtype
	queries := ConvertDType(queriesBTD, dtype)
	samples := len(levels) * arch.Points
	value := Reshape(n.linear(name+".value_proj", featuresBSD), b, featuresBSD.Shape().Dim(1), heads, width/heads)
	offsets := Reshape(exact.linear(name+".sampling_offsets", queries), b, t, heads, len(levels), arch.Points, 2)
	weights := Reshape(exact.linear(name+".attention_weights", queries), b, t, heads, samples)
	weights = Reshape(Softmax(weights, -1), b, t, heads, len(levels), arch.Points)
	var pixels []float64 // of the reference points and one unit of offset, by level
	for range points[:len(points)/2] {
		for _, level := range levels {
			pixels = append(pixels, float64(level.w), float64(level.h))
		}
	}
	extent := Reshape(ConstAsDType(g, dtype, pixels), 1, t, 1, len(levels), 1, 2)
	at := Reshape(ConstAsDType(g, dtype, points), 1, t, 1, 1, 1, 2)
	locations := Add(BroadcastToDims(at, offsets.Shape().Dimensions...), Div(offsets, BroadcastLike(extent, offsets)))
	out := recompute(func(in []*Node) *Node { return samplePoints(in[0], in[1], in[2], levels) }, value, locations, weights)
	return n.linear(name+".output_proj", Reshape(out, b, t, width))
}

// inParameters is n with products in the parameters' dtype.
func (n *net) inParameters() *net {
	exact := *n
	exact.dtype = n.params.at(arch.ClsToken).DType()
	return &exact
}

// samplePoints is the core of deformable attention: values [B, S, M, E] of all levels,
// sampled at locations xy [B, T, M, L, P, 2], where (0, 1) is the map, and summed with
// weights [B, T, M, L, P] to [B, T, M, E]. Sampling is bilinear with half-pixel centres
// and zeros outside.
func samplePoints(valuesBSME, locations, weights *Node, levels []grid) *Node {
	dims := valuesBSME.Shape().Dimensions
	var sum *Node
	start := 0
	for l, level := range levels {
		m := Reshape(SliceAxis(valuesBSME, 1, AxisRange(start, start+level.size())), dims[0], level.h, level.w, dims[2], dims[3])
		start += level.size()
		at := Squeeze(SliceAxis(locations, 3, AxisElem(l)), 3)
		weight := Squeeze(SliceAxis(weights, 3, AxisElem(l)), 3)
		one := sampleLevel(m, at, weight, level)
		if sum == nil {
			sum = one
		} else {
			sum = Add(sum, one)
		}
	}
	return sum
}

// sampleLevel samples one map [B, h, w, M, E] at [B, T, M, P, 2] with weights
// [B, T, M, P]. The four corners of a point lie side by side in one row of the quad
// table, so that there is one gather, and one scatter in the backward pass.
func sampleLevel(mapBhwME, at, weight *Node, level grid) *Node {
	dims := mapBhwME.Shape().Dimensions
	heads, e := dims[3], dims[4]
	rows := quadTable(mapBhwME)
	t, points := at.Shape().Dim(1), at.Shape().Dim(3)
	x0, fx := toPixels(Squeeze(SliceAxis(at, 4, AxisElem(0)), 4), level.w)
	y0, fy := toPixels(Squeeze(SliceAxis(at, 4, AxisElem(1)), 4), level.h)
	shape := x0.Shape().Clone()
	shape.DType = dtypes.Int32
	g := at.Graph()
	row := Add(MulScalar(Iota(g, shape, 0), level.h+1), AddScalar(y0, 1))
	row = Add(MulScalar(row, level.w+1), AddScalar(x0, 1))
	row = Add(MulScalar(row, heads), Iota(g, shape, 2))
	quads := Reshape(Gather(rows, InsertAxes(row, -1)), dims[0], t, heads, points, 4, e)
	gx, gy := OneMinus(fx), OneMinus(fy)
	corners := Stack([]*Node{Mul(gy, gx), Mul(gy, fx), Mul(fy, gx), Mul(fy, fx)}, -1)
	corners = Mul(corners, BroadcastLike(InsertAxes(weight, -1), corners))
	quads = Mul(quads, BroadcastLike(ConvertDType(InsertAxes(corners, -1), quads.DType()), quads))
	return ConvertDType(ReduceSum(widened(quads), 3, 4), quads.DType())
}

// quadTable has for each of the (h+1)(w+1) places between pixels of a map [B, h, w, M, E],
// those on its rim included, a row of the four pixels around it, zeros outside:
// [B*(h+1)*(w+1)*M, 4*E].
func quadTable(mapBhwME *Node) *Node {
	dims := mapBhwME.Shape().Dimensions
	one := compute.PadAxis{Start: 1, End: 1}
	padded := Pad(mapBhwME, ScalarZero(mapBhwME.Graph(), mapBhwME.DType()), compute.PadAxis{}, one, one, compute.PadAxis{}, compute.PadAxis{})
	var windows []*Node
	for y := range 2 {
		for x := range 2 {
			windows = append(windows, Slice(padded, AxisRange(), AxisRange(y, y+dims[1]+1), AxisRange(x, x+dims[2]+1)))
		}
	}
	return Reshape(Stack(windows, 4), dims[0]*(dims[1]+1)*(dims[2]+1)*dims[3], 4*dims[4])
}

// toPixels splits a coordinate in (0, 1) over a number of pixels into the pixel before
// it, int32 in [-1, pixels-1], and the fraction to the next one. Beyond the rim, where
// all four corners are zeros, it stays on the rim and has no gradient.
func toPixels(at *Node, pixels int) (before, fraction *Node) {
	x := ClipScalar(AddScalar(MulScalar(at, pixels), -0.5), -1, float64(pixels))
	floor := StopGradient(Min(Floor(x), Scalar(x.Graph(), x.DType(), pixels-1)))
	return ConvertDType(floor, dtypes.Int32), Sub(x, floor)
}
