package model

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/internal/backend"
)

// dot contracts the last axis of x [..., in] with axis `in` of wOI [out, in].
func (n *net) dot(x, wOI *Node) *Node {
	return n.product(x, []int{x.Rank() - 1}, nil, wOI, []int{1}, nil)
}

// product is DotGeneral in the dtype of activations: of both operands, and of the
// result. Sums are float32 at least. The gradient of an operand has the operand's dtype.
func (n *net) product(lhs *Node, lhsContract, lhsBatch []int, rhs *Node, rhsContract, rhsBatch []int) *Node {
	return n.productIn(n.dtype, lhs, lhsContract, lhsBatch, rhs, rhsContract, rhsBatch)
}

// wideProduct is [net.product] with a result that is float32 at least.
func (n *net) wideProduct(lhs *Node, lhsContract, lhsBatch []int, rhs *Node, rhsContract, rhsBatch []int) *Node {
	return n.productIn(wide(n.dtype), lhs, lhsContract, lhsBatch, rhs, rhsContract, rhsBatch)
}

func (n *net) productIn(dtype dtypes.DType, lhs *Node, lhsContract, lhsBatch []int, rhs *Node, rhsContract, rhsBatch []int) *Node {
	l, r := operand{n.activation(lhs), lhsContract, lhsBatch}, operand{n.activation(rhs), rhsContract, rhsBatch}
	if !n.dtype.IsHalfPrecision() {
		return DotGeneral(l.x, l.contract, l.batch, r.x, r.contract, r.batch)
	}
	// The derived gradient would widen both operands first.
	l.x, r.x = StopGradient(l.x), StopGradient(r.x)
	return withGradient(l.times(r, dtype), []*Node{lhs, rhs}, func(dy *Node) []*Node {
		dy = n.activation(dy)
		b, free := len(l.batch), dy.Rank()-len(l.batch)-len(r.free())
		ofLHS := operand{dy, span(free+b, dy.Rank()), span(0, b)}.times(operand{r.x, r.free(), r.batch}, lhs.DType())
		ofRHS := operand{dy, span(b, free+b), span(0, b)}.times(operand{l.x, l.free(), l.batch}, rhs.DType())
		return []*Node{l.ordered(ofLHS, r.contract), r.ordered(ofRHS, l.contract)}
	})
}

// operand is one of a product's, with the axes that are summed over and those that both
// operands share.
type operand struct {
	x               *Node
	contract, batch []int
}

// times has axes batch, free of o, free of p.
func (o operand) times(p operand, result dtypes.DType) *Node {
	if o.x.DType().IsHalfPrecision() && backend.WidensProducts(o.x.Graph().Backend()) {
		o.x, p.x = widened(o.x), widened(p.x)
		product := DotGeneral(o.x, o.contract, o.batch, p.x, p.contract, p.batch)
		return ConvertDType(product, result)
	}
	return Dot(o.x, p.x).WithOutputDType(result).General(o.contract, o.batch, p.contract, p.batch)
}

// free are the other axes, ascending.
func (o operand) free() (axes []int) {
	for axis := range o.x.Rank() {
		if !slices.Contains(o.contract, axis) && !slices.Contains(o.batch, axis) {
			axes = append(axes, axis)
		}
	}
	return axes
}

// ordered brings o's gradient into o's order of axes. Its own are batch, free, and then
// the summed ones, in the ascending order of the other operand's axes.
func (o operand) ordered(gradient *Node, others []int) *Node {
	from := slices.Concat(o.batch, o.free())
	for _, axis := range slices.Sorted(slices.Values(others)) {
		from = append(from, o.contract[slices.Index(others, axis)])
	}
	places := make([]int, len(from))
	for place, axis := range from {
		places[axis] = place
	}
	return TransposeAllAxes(gradient, places...)
}

// span are the whole numbers from start to end, end excluded.
func span(start, end int) (axes []int) {
	for axis := start; axis < end; axis++ {
		axes = append(axes, axis)
	}
	return axes
}
