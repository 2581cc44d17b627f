package model

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
)

// net holds what every graph function of the forward pass needs.
type net struct {
	arch.Architecture
	params Params
	// matmul is the dtype of matrix products' operands; sums, norms and softmax
	// stay in the parameters' dtype.
	matmul dtypes.DType
}

// dot contracts the last axis of x [..., in] with axis `in` of wOI [out, in].
func (n *net) dot(x, wOI *Node) *Node {
	return n.product(x, []int{x.Rank() - 1}, nil, wOI, []int{1}, nil)
}

// product is DotGeneral with operands in the matmul dtype and the result in the
// dtype of lhs.
func (n *net) product(lhs *Node, lhsContract, lhsBatch []int, rhs *Node, rhsContract, rhsBatch []int) *Node {
	dtype := lhs.DType()
	y := DotGeneral(ConvertDType(lhs, n.matmul), lhsContract, lhsBatch,
		ConvertDType(rhs, n.matmul), rhsContract, rhsBatch)
	return ConvertDType(y, dtype)
}

// linear is torch's Linear: x [..., in] -> [..., out].
func (n *net) linear(name string, x *Node) *Node {
	return n.addBias(n.dot(x, n.params.at(name+".weight")), n.params.at(name+".bias"))
}

// addBias adds b [D] to x [..., D].
func (n *net) addBias(x, b *Node) *Node {
	return Add(x, alongLastAxis(b, x))
}

// alongLastAxis broadcasts v [D] over x [..., D].
func alongLastAxis(v, x *Node) *Node {
	return BroadcastLike(v, x, x.Rank()-1)
}

// layerNorm normalises the last axis with biased variance, then scales and shifts.
func (n *net) layerNorm(name string, x *Node, epsilon float64) *Node {
	centred := Sub(x, ReduceAndKeep(x, ReduceMean, -1))
	variance := ReduceAndKeep(Square(centred), ReduceMean, -1)
	// Divided by Sqrt: GoMLX has no gradient of Rsqrt.
	y := Div(centred, Sqrt(AddScalar(variance, epsilon)))
	return Add(Mul(y, alongLastAxis(n.params.at(name+".weight"), y)), alongLastAxis(n.params.at(name+".bias"), y))
}

// gelu is the exact form, x * Phi(x).
func gelu(x *Node) *Node {
	return Mul(x, MulScalar(OnePlus(Erf(MulScalar(x, invSqrt2))), 0.5))
}

const invSqrt2 = 0.70710678118654752440

// sliceTokens slices x [B, S, ...] to S from start (inclusive) to end (exclusive).
func sliceTokens(x *Node, start, end int) *Node {
	return SliceAxis(x, 1, AxisRange(start, end))
}

// padHW pads x [B, h, w, D] by one zero on each side of h and w.
func padHW(x *Node) *Node {
	one := compute.PadAxis{Start: 1, End: 1}
	return Pad(x, ScalarZero(x.Graph(), x.DType()), compute.PadAxis{}, one, one, compute.PadAxis{})
}
