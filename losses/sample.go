package losses

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Sampling is bilinear with half-pixel centres and zeros outside the map:
// grid_sample(map, 2 * points - 1, align_corners=False) of PyTorch. Points are xy in
// [0, 1] over the map's extent, [..., 2]; pixel (x, y) has its centre at
// ((x+.5)/w, (y+.5)/h). No gradient flows into points.

// SampleRows samples maps of vectors: mapBhwD float [B, h, w, D] at pointsBP2 gives
// [B, P, D] in the points' dtype. All D components of an image share its points.
func SampleRows(mapBhwD, pointsBP2 *Node) *Node {
	dims := mapBhwD.Shape().Dimensions
	rows := Reshape(mapBhwD, dims[0]*dims[1]*dims[2], dims[3])
	var sum *Node
	for _, c := range corners(pointsBP2, dims[1], dims[2]) {
		row := ConvertDType(Gather(rows, InsertAxes(c.index, -1)), pointsBP2.DType())
		sum = plus(sum, Mul(row, InsertAxes(c.weight, -1)))
	}
	return sum
}

// SampleMaps samples each map at its own points: mapsNhw float [N, h, w] at pointsNP2
// (same dtype) gives [N, P].
func SampleMaps(mapsNhw, pointsNP2 *Node) *Node {
	dims := mapsNhw.Shape().Dimensions
	flat := Reshape(mapsNhw, dims[0]*dims[1]*dims[2])
	var sum *Node
	for _, c := range corners(pointsNP2, dims[1], dims[2]) {
		sum = plus(sum, Mul(Gather(flat, InsertAxes(c.index, -1)), c.weight))
	}
	return sum
}

// SamplePlanes samples all targets of an image at the image's points: bit planes
// uint32 [B, H, W, words] at pointsBP2 give [B, P, targets] in the points' dtype.
func SamplePlanes(planesBHWW, pointsBP2 *Node, targets int) *Node {
	g := planesBHWW.Graph()
	dims := planesBHWW.Shape().Dimensions
	batch, points, words := dims[0], pointsBP2.Shape().Dim(1), dims[3]
	rows := Reshape(planesBHWW, dims[0]*dims[1]*dims[2], words)
	shift := Iota(g, shapes.Make(dtypes.Uint32, batch, points, words, 32), 3)
	var sum *Node
	for _, c := range corners(pointsBP2, dims[1], dims[2]) {
		word := InsertAxes(Gather(rows, InsertAxes(c.index, -1)), -1)
		bits := bitOf(BroadcastToDims(word, batch, points, words, 32), shift, pointsBP2.DType())
		sum = plus(sum, Mul(bits, InsertAxes(c.weight, -1, -1)))
	}
	sum = Reshape(sum, batch, points, words*32)
	return Slice(sum, AxisRange(), AxisRange(), AxisRange(0, targets))
}

// SampleOwnPlane samples target m of image b at its own points: bit planes uint32
// [B, H, W, words] at pointsBMP2 [B, M, P, 2] give [B, M, P] in the points' dtype.
func SampleOwnPlane(planesBHWW, pointsBMP2 *Node) *Node {
	g := planesBHWW.Graph()
	dims, out := planesBHWW.Shape().Dimensions, pointsBMP2.Shape().Dimensions[:3]
	words := dims[3]
	flat := Reshape(planesBHWW, dims[0]*dims[1]*dims[2]*words)
	target := Iota(g, shapes.Make(dtypes.Int32, out...), 1)
	word := Div(target, Const(g, int32(32)))
	shift := ConvertDType(Mod(target, Const(g, int32(32))), dtypes.Uint32)
	var sum *Node
	for _, c := range corners(pointsBMP2, dims[1], dims[2]) {
		index := Add(MulScalar(c.index, words), word)
		bits := bitOf(Gather(flat, InsertAxes(index, -1)), shift, pointsBMP2.DType())
		sum = plus(sum, Mul(bits, c.weight))
	}
	return sum
}

// bitOf returns bit shift of word, 0 or 1, as a float.
func bitOf(word, shift *Node, dtype dtypes.DType) *Node {
	bit := BitwiseAnd(BitwiseShiftRightLogical(word, shift), Const(word.Graph(), uint32(1)))
	return ConvertDType(ConvertDType(bit, dtypes.Int32), dtype)
}

// corner is one of the four pixels around each point.
type corner struct {
	index  *Node // int32 [N, ...]: n*h*w + y*w + x, inside the maps
	weight *Node // [N, ...]: 0 if the pixel lies outside
}

// corners returns the four pixels around points [N, ..., 2] on N maps of h x w.
func corners(points *Node, h, w int) []corner {
	g := points.Graph()
	dims := points.Shape().Dimensions
	dims = dims[:len(dims)-1]
	base := MulScalar(Iota(g, shapes.Make(dtypes.Int32, dims...), 0), h*w)
	ends := func(axis, size int) (index, weight [2]*Node) {
		at := SliceAxis(points, -1, AxisElem(axis))
		at = SubScalar(MulScalar(Reshape(at, dims...), float64(size)), .5)
		low := Floor(at)
		part := Sub(at, low)
		for i, share := range []*Node{OneMinus(part), part} {
			pixel := AddScalar(low, float64(i))
			inside := And(GreaterOrEqual(pixel, ScalarZero(g, at.DType())), LessThan(pixel, Scalar(g, at.DType(), float64(size))))
			weight[i] = Where(inside, share, ScalarZero(g, at.DType()))
			index[i] = ConvertDType(ClipScalar(pixel, 0, float64(size-1)), dtypes.Int32)
		}
		return index, weight
	}
	x, weightX := ends(0, w)
	y, weightY := ends(1, h)
	var out []corner
	for j := range 2 {
		for i := range 2 {
			index := Add(base, Add(MulScalar(y[j], w), x[i]))
			out = append(out, corner{index, StopGradient(Mul(weightY[j], weightX[i]))})
		}
	}
	return out
}

// unfused returns x, sampled at points, divided by a 1 that XLA cannot fold, so that
// x is computed once. Otherwise XLA repeats the gather inside each consumer (on a CPU
// the cost matrix then takes 57 ms instead of 14).
func unfused(x, points *Node) *Node {
	one := StopGradient(OnePlus(MulScalar(ReduceAllMax(points), 0)))
	return Div(x, BroadcastToDims(one, x.Shape().Dimensions...))
}

func plus(sum, x *Node) *Node {
	if sum == nil {
		return x
	}
	return Add(sum, x)
}
