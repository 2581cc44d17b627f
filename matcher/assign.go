package matcher

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Assign solves N assignment problems in the graph, in one While loop.
//
// costNMQ is [N, M, Q] of any float dtype, the cost of giving query q to target m;
// validNM is bool [N, M], false where the target is padding, in any pattern. It
// returns int32 [N, M]: the query of each target, -1 where the target is padding
// or, having more targets than queries, was left without one. No gradient flows.
//
// The work of one loop step is O(N (Q + M)); a problem needs at least one step a
// valid target, and the loop ends with the slowest problem.
//
// It panics if the shapes or dtypes differ from the above.
func Assign(costNMQ, validNM *Node) (queryNM *Node) {
	if costNMQ.Rank() != 3 || !costNMQ.DType().IsFloat() {
		exceptions.Panicf("matcher.Assign: costs must be float [N, M, Q], got %s", costNMQ.Shape())
	}
	n, m, q := costNMQ.Shape().Dim(0), costNMQ.Shape().Dim(1), costNMQ.Shape().Dim(2)
	if err := validNM.Shape().Check(dtypes.Bool, n, m); err != nil {
		exceptions.Panicf("matcher.Assign: valid must be bool [%d, %d] for costs %s, got %s", n, m, costNMQ.Shape(), validNM.Shape())
	}
	g := costNMQ.Graph()
	p := &problems{
		n: n, m: m, q: q,
		cost:  comparable(StopGradient(costNMQ), validNM),
		next:  nextValid(validNM),
		sinks: m > q,
	}
	start := p.start(g)
	cond := NewClosure(g, func(g *Graph) []*Node {
		s := parameters(g, start)
		return []*Node{LogicalAny(LessThan(s.row, Const(g, int32(m))))}
	})
	body := NewClosure(g, func(g *Graph) []*Node {
		s := parameters(g, start)
		p.scan(s)
		p.augment(s)
		return s.nodes()
	})
	end := While(cond, body, start.nodes()...)
	return p.queries(end[rowOfIndex])
}

// comparable returns the costs as float64 [N, M, Q] from 0 upwards, with usable
// costs shifted by their least (which changes every full assignment by the same
// sum) and each unusable one dearer than any number of usable ones.
func comparable(costNMQ, validNM *Node) *Node {
	g := costNMQ.Graph()
	m, q := costNMQ.Shape().Dim(1), costNMQ.Shape().Dim(2)
	limit := Unusable(costNMQ.DType() == dtypes.Float64)
	cost := ConvertDType(costNMQ, dtypes.Float64)
	usable := LessThan(Abs(cost), Const(g, limit)) // false for NaN
	counts := LogicalAnd(usable, BroadcastToDims(InsertAxes(validNM, -1), costNMQ.Shape().Dimensions...))
	least := ReduceMin(Where(counts, cost, Const(g, limit)), 1, 2)
	most := ReduceMax(Where(counts, cost, Const(g, -limit)), 1, 2)
	span := MaxScalar(Sub(most, least), 0)
	span = Where(IsZero(span), OnesLike(span), span)
	least, span = InsertAxes(least, -1, -1), InsertAxes(span, -1, -1)
	dear := MulScalar(span, float64(min(m, q)+1))
	return Where(usable, Sub(cost, least), BroadcastToDims(dear, costNMQ.Shape().Dimensions...))
}

// nextValid returns int32 [N, M+1]: at i the first valid target from i on, M where
// there is none.
func nextValid(validNM *Node) *Node {
	g := validNM.Graph()
	n, m := validNM.Shape().Dim(0), validNM.Shape().Dim(1)
	target := Iota(g, shapes.Make(dtypes.Int32, n, m+1, m), 2)
	from := Iota(g, shapes.Make(dtypes.Int32, n, m+1, m), 1)
	valid := BroadcastToDims(InsertAxes(validNM, 1), n, m+1, m)
	return ReduceMin(Where(LogicalAnd(valid, GreaterOrEqual(target, from)), target, Const(g, int32(m))), 2)
}

// problems is what stays the same over the loop.
type problems struct {
	n, m, q int
	cost    *Node // float64 [N, M, Q], finite
	next    *Node // int32 [N, M+1], see nextValid
	sinks   bool  // there can be more targets than queries
}

// state is what the loop carries. Every problem is in one of two phases: it grows
// the tree of shortest alternating paths from its row (back < 0), or it turns the
// path that it found (back >= 0), a link a step. Column Q stands for "none: the
// row being placed itself", where paths begin.
type state struct {
	row    *Node // int32 [N]: the target being placed; M: the problem is solved
	back   *Node // int32 [N]: the column whose link is turned next, or -1
	column *Node // int32 [N]: the column whose target is scanned next
	low    *Node // float64 [N]: length of the path to that column
	rowOf  *Node // int32 [N, Q]: the target that holds the column, or -1
	dual   *Node // float64 [N, Q]: the columns' dual variables, at most 0
	dist   *Node // float64 [N, Q]: length of the shortest path to the column so far
	via    *Node // int32 [N, Q]: the column before it on that path
	inTree *Node // bool [N, Q]: dist is final

	// Only if there can be more targets than queries: the way out for the target
	// that is best left without a query once every column is held.
	top      *Node // float64 [N]: the largest dual variable that a row has had
	exit     *Node // float64 [N]: the largest (dual - distance) of a row in the tree
	exitFrom *Node // int32 [N]: the column which that row holds
}

const rowOfIndex = 4

func (s *state) fields() []**Node {
	return []**Node{&s.row, &s.back, &s.column, &s.low, &s.rowOf, &s.dual, &s.dist, &s.via, &s.inTree,
		&s.top, &s.exit, &s.exitFrom}
}

func (s *state) nodes() []*Node {
	var nodes []*Node
	for _, f := range s.fields() {
		if *f != nil {
			nodes = append(nodes, *f)
		}
	}
	return nodes
}

// parameters declares a closure's parameters, of like's shapes.
func parameters(g *Graph, like *state) *state {
	s := new(state)
	names := []string{"row", "back", "column", "low", "rowOf", "dual", "dist", "via", "inTree", "top", "exit", "exitFrom"}
	for i, f := range like.fields() {
		if *f != nil {
			*s.fields()[i] = Parameter(g, names[i], (*f).Shape())
		}
	}
	return s
}

func (p *problems) start(g *Graph) *state {
	full := func(dtype dtypes.DType, value float64, dims ...int) *Node {
		return BroadcastToDims(Scalar(g, dtype, value), dims...)
	}
	s := &state{
		row:    Squeeze(Slice(p.next, AxisRange(), AxisRange(0, 1)), 1),
		back:   full(dtypes.Int32, -1, p.n),
		column: full(dtypes.Int32, float64(p.q), p.n),
		low:    full(dtypes.Float64, 0, p.n),
		rowOf:  full(dtypes.Int32, -1, p.n, p.q),
		dual:   full(dtypes.Float64, 0, p.n, p.q),
		dist:   full(dtypes.Float64, math.Inf(1), p.n, p.q),
		via:    full(dtypes.Int32, float64(p.q), p.n, p.q),
		inTree: BroadcastToDims(Const(g, false), p.n, p.q),
	}
	if p.sinks {
		s.top = full(dtypes.Float64, 0, p.n)
		s.exit = full(dtypes.Float64, math.Inf(-1), p.n)
		s.exitFrom = full(dtypes.Int32, float64(p.q), p.n)
	}
	return s
}
