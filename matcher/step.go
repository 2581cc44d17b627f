package matcher

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// This file is the body of the loop. The engine's closures accept only nodes created
// inside them. So constants come from Const, never from Scalar, AddScalar and the
// like, which share nodes with the enclosing graph; and nothing is reduced, as XLA
// allows a kind of reduction in one function of a graph only.

// scan lets every problem that grows its tree scan the target at its end: it
// relaxes the paths through it, then takes the nearest column. If that column is
// free (preferred among equals), the path is found; otherwise its target is next.
func (p problems) scan(s *state) {
	g := s.row.Graph()
	growing := LogicalAnd(LessThan(s.back, Const(g, int32(0))), p.unsolved(s))
	fromRow := p.isNone(s.column)

	i := Where(fromRow, s.row, at(s.rowOf, s.column))
	costNQ := p.costOf(s, i)
	dualN := Where(fromRow, Const(g, 0.0), Sub(at(costNQ, s.column), at(s.dual, s.column)))
	reach := Add(Sub(costNQ, s.dual), p.acrossColumns(Sub(s.low, dualN)))
	better := LogicalAnd(LogicalNot(s.inTree), LessThan(reach, s.dist))
	s.dist = Where(better, reach, s.dist)
	s.via = Where(better, p.acrossColumns(s.column), s.via)

	low, nearest, found := p.nearest(s)
	found = LogicalAnd(growing, found)
	pathEnd := nearest
	if p.sinks {
		var out *Node
		low, out = p.exitColumn(s, dualN, low, growing)
		s.free = Where(found, Sub(s.free, Const(g, int32(1))), s.free)
		pathEnd = Where(out, s.exitFrom, nearest)
		found = LogicalOr(found, out)
		s.top = Where(found, Max(s.top, Add(s.exit, low)), s.top)
	}
	settled := LogicalAnd(p.acrossColumns(found), s.inTree)
	s.dual = Where(settled, Sub(s.dual, Sub(p.acrossColumns(low), s.dist)), s.dual)
	s.back = Where(found, pathEnd, s.back)
	grown := LogicalAnd(growing, LogicalNot(found))
	s.inTree = LogicalOr(s.inTree, p.oneColumn(grown, nearest))
	s.column = Where(grown, nearest, s.column)
	s.low = Where(grown, low, s.low)
}

// nearest returns the length of the shortest path to a column outside the tree,
// that column (a free one, then the first, among equals), and whether it is free.
func (p problems) nearest(s *state) (low, columnN, isFree *Node) {
	g := s.row.Graph()
	open := Where(s.inTree, Const(g, math.Inf(1)), s.dist)
	low = rowMin(open)
	columns := p.columns(g)
	free := LessThan(s.rowOf, Const(g, int32(0)))
	rank := Where(free, columns, Add(columns, Const(g, int32(p.q))))
	first := rowMin(Where(Equal(open, p.acrossColumns(low)), rank, Const(g, int32(2*p.q))))
	isFree = LessThan(first, Const(g, int32(p.q)))
	return low, Where(isFree, first, Sub(first, Const(g, int32(p.q)))), isFree
}

// exitColumn ends a path once every column is held: a dummy column of cost 0 for
// all targets, usable any number of times. Its dual variable is -top, which keeps
// every reduced cost at 0 or more. A target that exits is not visited again, so one
// such column serves them all. It returns low, lowered to the exit path's length for
// the problems that take it, and which do.
func (p problems) exitColumn(s *state, dualN, low, growing *Node) (lowOut, out *Node) {
	leave := Sub(dualN, s.low)
	larger := LogicalAnd(growing, GreaterThan(leave, s.exit))
	s.exit = Where(larger, leave, s.exit)
	s.exitFrom = Where(larger, s.column, s.exitFrom)
	length := Sub(s.top, s.exit)
	full := Equal(s.free, Const(s.free.Graph(), int32(0)))
	out = LogicalAnd(LogicalAnd(growing, full), LessOrEqual(length, low))
	return Where(out, length, low), out
}

// augment flips one link of every augmenting path: the column goes to the target
// through which it was reached. At the start of the path it sets up the next target's
// search.
func (p problems) augment(s *state) {
	g := s.row.Graph()
	turning := GreaterOrEqual(s.back, Const(g, int32(0)))
	before := Where(p.isNone(s.back), s.back, at(s.via, s.back))
	holder := Where(p.isNone(before), s.row, at(s.rowOf, before))
	s.rowOf = Where(p.oneColumn(turning, s.back), p.acrossColumns(holder), s.rowOf)
	s.back = Where(turning, before, s.back)

	done := LogicalAnd(turning, p.isNone(before))
	s.back = Where(done, Const(g, int32(-1)), s.back)
	s.row = Where(done, at(s.next, Add(s.row, Const(g, int32(1)))), s.row)
	s.column = Where(done, Const(g, int32(p.q)), s.column)
	s.low = Where(done, Const(g, 0.0), s.low)
	s.dist = Where(p.acrossColumns(done), Const(g, math.Inf(1)), s.dist)
	s.inTree = LogicalAnd(s.inTree, LogicalNot(p.acrossColumns(done)))
	if p.sinks {
		s.exit = Where(done, Const(g, math.Inf(-1)), s.exit)
	}
}

// queries inverts rowOf: the column of each row, int32 [N, M] from int32 [N, Q].
func (p problems) queries(rowOfNQ *Node) *Node {
	g := rowOfNQ.Graph()
	target := Iota(g, shapes.Make(dtypes.Int32, p.n, p.m, p.q), 1)
	query := Iota(g, shapes.Make(dtypes.Int32, p.n, p.m, p.q), 2)
	held := Equal(target, BroadcastToDims(InsertAxes(rowOfNQ, 1), p.n, p.m, p.q))
	return ReduceMax(Where(held, query, Const(g, int32(-1))), 2)
}

// rowMin returns the least value of each problem, [N] from [N, K].
func rowMin(xNK *Node) *Node {
	for k := xNK.Shape().Dim(1); k > 1; k = (k + 1) / 2 {
		half := (k + 1) / 2
		xNK = Min(Slice(xNK, AxisRange(), AxisRange(0, half)), Slice(xNK, AxisRange(), AxisRange(k-half, k)))
	}
	return Reshape(xNK, xNK.Shape().Dim(0))
}

// at returns xNK[n, indexN[n]], with indices clamped to the range.
func at(xNK, indexN *Node) *Node {
	n, k := xNK.Shape().Dim(0), xNK.Shape().Dim(1)
	return Gather(Reshape(xNK, n*k), flatIndex(indexN, k))
}

// costOf returns row rowN[n] of each problem's costs, [N, Q].
func (p problems) costOf(s *state, rowN *Node) *Node {
	return Gather(Reshape(s.cost, p.n*p.m, p.q), flatIndex(rowN, p.m))
}

func flatIndex(indexN *Node, k int) *Node {
	g := indexN.Graph()
	inside := Min(Max(indexN, Const(g, int32(0))), Const(g, int32(k-1)))
	return InsertAxes(Add(Mul(Iota(g, indexN.Shape(), 0), Const(g, int32(k))), inside), -1)
}

func (p problems) unsolved(s *state) *Node {
	return LessThan(s.row, Const(s.row.Graph(), int32(p.m)))
}

func (p problems) isNone(columnN *Node) *Node {
	return Equal(columnN, Const(columnN.Graph(), int32(p.q)))
}

// acrossColumns broadcasts a value of each problem over its columns, in one
// operation: inside a closure the go backend frees the input of a rank-preserving
// broadcast before its own expansion reads it.
func (p problems) acrossColumns(xN *Node) *Node {
	return ExpandAndBroadcast(xN, []int{p.n, p.q}, []int{1})
}

func (p problems) columns(g *Graph) *Node { return Iota(g, shapes.Make(dtypes.Int32, p.n, p.q), 1) }

// oneColumn is bool [N, Q], true at columnN[n] of the problems for which ifN holds.
func (p problems) oneColumn(ifN, columnN *Node) *Node {
	return LogicalAnd(p.acrossColumns(ifN), Equal(p.columns(ifN.Graph()), p.acrossColumns(columnN)))
}
