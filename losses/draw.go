package losses

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Drawn describes what points are drawn for.
type Drawn struct{ Predictions, Images, Targets int }

// DrawPoints draws the points of n.Predictions for n.Images of n.Targets each, in
// [0, 1), from rngState (uint64 [3], the engine's random state). first (uint32 scalar)
// is the index of the first image in a larger batch, whose points for these images are
// drawn; nil is 0.
//
// Every point is a hash of the state, its prediction, image, target and index:
// drawing is elementwise and the same on every backend and device layout, for float32
// and float64, and padding more targets does not change the others' points. (On a CPU
// the engine's generator takes 28 ms for what this does in 5.)
func DrawPoints(c Config, rngState, first *Node, n Drawn, dtype dtypes.DType) []Points {
	g := rngState.Graph()
	key := Const(g, uint32(0x243f6a88))
	for i := range 3 {
		word := Reshape(SliceAxis(rngState, 0, AxisElem(i)))
		for _, half := range []*Node{word, BitwiseShiftRightLogical(word, Const(g, uint64(32)))} {
			half = BitwiseAnd(half, Const(g, uint64(0xffffffff)))
			key = mix(Add(key, ConvertDType(half, dtypes.Uint32)))
		}
	}
	// 2^24, in a form that XLA cannot fold: see unfused.
	scale := Max(BitwiseShiftRightLogical(key, Const(g, uint32(8))), Const(g, uint32(1<<24)))
	scale = ConvertDType(ConvertDType(scale, dtypes.Int32), dtype)
	uniforms := func(words *Node) *Node {
		top := BitwiseShiftRightLogical(words, Const(g, uint32(8)))
		value := ConvertDType(ConvertDType(top, dtypes.Int32), dtype)
		return StopGradient(Div(value, BroadcastToDims(scale, value.Shape().Dimensions...)))
	}
	points := make([]Points, n.Predictions)
	for i := range points {
		perImage := splitKeysFrom(mix(Add(key, Const(g, uint32(i+1)))), first, n.Images)
		perTarget := splitKeys(perImage, n.Targets)
		points[i] = Points{
			CostBP2:       uniforms(splitKeys(splitKeys(mix(perImage), c.Points), 2)),
			CandidatesBM2: uniforms(splitKeys(splitKeys(perTarget, c.candidates()), 2)),
			FreshBM2:      uniforms(splitKeys(splitKeys(mix(perTarget), c.fresh()), 2)),
		}
	}
	return points
}

// splitKeys derives n keys from each key, along a new last axis.
func splitKeys(keys *Node, n int) *Node { return splitKeysFrom(keys, nil, n) }

// splitKeysFrom is [splitKeys] for the indices from first on.
func splitKeysFrom(keys, first *Node, n int) *Node {
	dims := append(keys.Shape().Clone().Dimensions, n)
	last := len(dims) - 1
	step := Iota(keys.Graph(), shapes.Make(dtypes.Uint32, dims...), last)
	if first != nil {
		step = Add(step, first)
	}
	step = Mul(AddScalar(step, 1), Const(keys.Graph(), uint32(0x9e3779b9)))
	return mix(Add(ExpandAndBroadcast(keys, dims, []int{last}), step))
}

// mix is a bijection of 32-bit words in which every output bit depends on all input bits
// (MurmurHash3's finaliser).
func mix(x *Node) *Node {
	g := x.Graph()
	shifted := func(n uint32) *Node { return BitwiseXor(x, BitwiseShiftRightLogical(x, Const(g, n))) }
	x = Mul(shifted(16), Const(g, uint32(0x85ebca6b)))
	x = Mul(shifted(13), Const(g, uint32(0xc2b2ae35)))
	return shifted(16)
}
