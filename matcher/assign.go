package matcher

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Assign solves N assignment problems in the graph, in one While loop.
//
// costNMQ is [N, M, Q] of any float dtype, the cost of giving query q to target m;
// validNM is bool [N, M], false if the target is padding, in any pattern. It
// returns int32 [N, M]: the query of each target, -1 if the target is padding
// or, having more targets than queries, was left without one. No gradient flows.
//
// A loop step costs O(N (Q + M)); a problem needs at least one step per valid
// target, and the loop ends with the slowest problem.
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
	p := problems{n: n, m: m, q: q, sinks: m > q}
	start := p.start(comparable(StopGradient(costNMQ), validNM), nextValid(validNM))
	cond := NewClosure(g, func(g *Graph) []*Node {
		unsolved := ConvertDType(p.unsolved(parameters(g, start)), dtypes.Float32)
		return []*Node{GreaterThan(Dot(unsolved, unsolved).Product(), Const(g, float32(0)))} // a sum; see step.go
	})
	body := NewClosure(g, func(g *Graph) []*Node {
		s := parameters(g, start)
		p.scan(s)
		p.augment(s)
		return s.nodes()
	})
	end := While(cond, body, start.nodes()...)
	return p.queries(end[0])
}

// comparable returns the costs as non-negative float64 [N, M, Q]: usable costs are
// shifted by their minimum (which changes every full assignment by the same sum),
// and each unusable one costs more than any number of usable ones.
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
	penalty := MulScalar(span, float64(min(m, q)+1))
	return Where(usable, Sub(cost, least), BroadcastToDims(penalty, costNMQ.Shape().Dimensions...))
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

// problems holds the sizes of the N problems, known when the graph is built.
type problems struct {
	n, m, q int
	sinks   bool // there can be more targets than queries
}

// state is what the loop carries. Every problem is in one of two phases: it grows
// the tree of shortest alternating paths from its row (back < 0), or it augments
// along the path found (back >= 0), one link per step. Column Q stands for "none",
// the row being placed, where paths begin.
type state struct {
	rowOf  *Node // int32 [N, Q]: the target that holds the column, or -1
	row    *Node // int32 [N]: the target being placed; M: the problem is solved
	back   *Node // int32 [N]: the column whose link is flipped next, or -1
	column *Node // int32 [N]: the column whose target is scanned next
	low    *Node // float64 [N]: length of the path to that column
	dual   *Node // float64 [N, Q]: the columns' dual variables, at most 0
	dist   *Node // float64 [N, Q]: length of the shortest path to the column so far
	via    *Node // int32 [N, Q]: the column before it on that path
	inTree *Node // bool [N, Q]: dist is final
	cost   *Node // float64 [N, M, Q], finite; carried, as XLA's loops see only their state
	next   *Node // int32 [N, M+1], see nextValid; likewise

	// Only if there can be more targets than queries: the exit for the target that
	// is best left without a query once every column is held.
	free     *Node // int32 [N]: the number of columns that no target holds
	top      *Node // float64 [N]: the largest dual variable that a row has had
	exit     *Node // float64 [N]: the largest (dual - distance) of a row in the tree
	exitFrom *Node // int32 [N]: the column that this row holds
}

func (s *state) fields() []**Node {
	return []**Node{&s.rowOf, &s.row, &s.back, &s.column, &s.low, &s.dual, &s.dist, &s.via, &s.inTree,
		&s.cost, &s.next, &s.free, &s.top, &s.exit, &s.exitFrom}
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
	for i, f := range like.fields() {
		if *f != nil {
			*s.fields()[i] = Parameter(g, fmt.Sprintf("state%d", i), (*f).Shape())
		}
	}
	return s
}

func (p problems) start(cost, next *Node) *state {
	g := cost.Graph()
	n := []int{p.n}
	nq := []int{p.n, p.q}
	full := func(value any, dims []int) *Node { return BroadcastToDims(Const(g, value), dims...) }
	s := &state{
		rowOf:  full(int32(-1), nq),
		row:    Squeeze(Slice(next, AxisRange(), AxisRange(0, 1)), 1),
		back:   full(int32(-1), n),
		column: full(int32(p.q), n),
		low:    full(0.0, n),
		dual:   full(0.0, nq),
		dist:   full(math.Inf(1), nq),
		via:    full(int32(p.q), nq),
		inTree: full(false, nq),
		cost:   cost,
		next:   next,
	}
	if p.sinks {
		s.free = full(int32(p.q), n)
		s.top = full(0.0, n)
		s.exit = full(math.Inf(-1), n)
		s.exitFrom = full(int32(p.q), n)
	}
	return s
}
