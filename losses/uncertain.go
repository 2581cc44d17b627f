package losses

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// MostUncertain returns the k points of each map whose logits have the smallest
// magnitude, earlier points first among equals, in the order given: pointsNK2
// [N, K, 2] and logitsNK [N, K] give [N, k, 2]. NaN counts as certain. The result is
// exact and needs no sort. No gradient flows.
//
// Source: sample_points_using_uncertainty of Hugging Face transformers, which
// returns the same set in order of uncertainty.
func MostUncertain(pointsNK2, logitsNK *Node, k int) *Node {
	g := logitsNK.Graph()
	n, all := logitsNK.Shape().Dim(0), logitsNK.Shape().Dim(1)
	if k < 0 || k > all {
		exceptions.Panicf("losses.MostUncertain: %d points of %d", k, all)
	}
	below, equal := split(magnitudes(StopGradient(logitsNK)), k)
	counts := runningCounts(Concatenate([]*Node{below, equal}, 0))
	belowSoFar := Slice(counts, AxisRange(0, n))
	equalSoFar := Slice(counts, AxisRange(n, 2*n))
	need := Sub(Const(g, int32(k)), Slice(belowSoFar, AxisRange(), AxisRange(all-1, all))) // [N, 1]
	chosen := Or(below, And(equal, LessOrEqual(equalSoFar, BroadcastToDims(need, n, all))))
	place := AddScalar(Add(belowSoFar, Min(equalSoFar, BroadcastToDims(need, n, all))), -1)

	// Points that are not chosen all go to one extra place at the end.
	place = Where(chosen, place, Const(g, int32(k)))
	place = Add(place, MulScalar(Iota(g, shapes.Make(dtypes.Int32, n, all), 0), k+1))
	zeros := Zeros(g, shapes.Make(pointsNK2.DType(), n*(k+1), 2))
	packed := ScatterSum(zeros, Reshape(place, n*all, 1), Reshape(StopGradient(pointsNK2), n*all, 2), false, false)
	return Slice(Reshape(packed, n, k+1, 2), AxisRange(), AxisRange(0, k))
}

// magnitudes maps floats to integers that order as their absolute values do, NaN last.
// The sign is cut off the bits: Abs leaves it on a NaN on the Go backend.
func magnitudes(x *Node) *Node {
	if x.DType() == dtypes.Float64 {
		return BitwiseAnd(Bitcast(x, dtypes.Int64), Const(x.Graph(), int64(math.MaxInt64)))
	}
	return BitwiseAnd(Bitcast(x, dtypes.Int32), Const(x.Graph(), int32(math.MaxInt32)))
}

// split returns which of the non-negative integers xNK are below the k-th smallest
// of their row, and which are equal to it, both bool [N, K]. The k-th smallest is
// built bit by bit: a bit is set if fewer than k values lie below the resulting
// number. Values are counted by a product with ones, as XLA allows a kind of
// reduction in one function of a graph only; float32 holds the counts.
func split(xNK *Node, k int) (below, equal *Node) {
	g, dtype := xNK.Graph(), xNK.DType()
	dims := xNK.Shape().Dimensions
	kth := Zeros(g, shapes.Make(dtype, dims[0]))
	bit := Scalar(g, dtype, int64(1)<<(dtype.Size()*8-2))
	acrossRow := func(x *Node) *Node { return ExpandAndBroadcast(x, dims, []int{1}) }
	constant := func(g *Graph, value int) *Node { // not shared with the graph outside
		if dtype == dtypes.Int64 {
			return Const(g, int64(value))
		}
		return Const(g, int32(value))
	}
	parameters := func(g *Graph) (k, b, x *Node) {
		return Parameter(g, "kth", kth.Shape()), Parameter(g, "bit", bit.Shape()), Parameter(g, "x", xNK.Shape())
	}
	more := NewClosure(g, func(g *Graph) []*Node {
		_, bit, _ := parameters(g)
		return []*Node{GreaterThan(bit, constant(g, 0))}
	})
	step := NewClosure(g, func(g *Graph) []*Node {
		kth, bit, x := parameters(g)
		trial := Add(kth, bit)
		ones := ExpandAndBroadcast(Const(g, float32(1)), dims[1:], []int{0})
		count := Dot(ConvertDType(LessThan(x, acrossRow(trial)), dtypes.Float32), ones).Product()
		kth = Where(LessThan(count, Const(g, float32(k))), trial, kth)
		return []*Node{kth, Div(bit, constant(g, 2)), x}
	})
	kth = While(more, step, kth, bit, xNK)[0]
	return LessThan(xNK, acrossRow(kth)), Equal(xNK, acrossRow(kth))
}

// runningCounts returns int32 [N, K]: how many of flagsNK are true up to and including
// each place. Sums run within blocks and over blocks by products with triangles of
// ones; all numbers are integers below 2^24, which float32 holds exactly, and factors
// are at most 128, which lower-precision products on accelerators hold exactly too.
func runningCounts(flagsNK *Node) *Node {
	const block = 128
	g := flagsNK.Graph()
	n, k := flagsNK.Shape().Dim(0), flagsNK.Shape().Dim(1)
	blocks := (k + block - 1) / block
	x := GrowRight(ConvertDType(flagsNK, dtypes.Float32), 1, blocks*block-k, 0)
	x = Reshape(x, n, blocks, block)
	inside := Einsum("nbi,ij->nbj", x, ConvertDType(UpperTriangular(g, block), dtypes.Float32))
	totals := Reshape(ReduceSum(x, 2), n, blocks)
	before := Sub(Einsum("ni,ij->nj", totals, ConvertDType(UpperTriangular(g, blocks), dtypes.Float32)), totals)
	sums := Reshape(Add(inside, BroadcastToDims(InsertAxes(before, -1), n, blocks, block)), n, blocks*block)
	return ConvertDType(Slice(sums, AxisRange(), AxisRange(0, k)), dtypes.Int32)
}
