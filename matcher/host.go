package matcher

import (
	"fmt"
	"math"
)

// Unusable is the magnitude at and above which a cost counts as a last resort, like
// NaN and infinities: the largest float32 for costs of up to 32 bits, 1e300 for
// float64 (double), low enough that sums of the remaining costs stay finite.
func Unusable(double bool) float64 {
	if double {
		return 1e300
	}
	return math.MaxFloat32
}

// AssignHost solves one assignment problem on the host, under the contract of this
// package. cost is row-major, cost[i*cols+j] the cost of giving query (column) j
// to target (row) i; valid has a flag per row, nil meaning all true. It returns the
// query of each target, -1 if it has none.
//
// It panics if len(cost) != rows*cols or len(valid) != rows.
//
// Source: the shortest augmenting path algorithm for rectangular problems (Crouse,
// "On implementing 2D rectangular assignment algorithms", 2016), O(rows² cols).
// Differs: targets beyond the number of queries exit through a dummy column of cost
// 0 instead of the matrix being transposed, and targets' dual variables are computed
// from their columns' when needed.
func AssignHost[T float32 | float64](cost []T, valid []bool, rows, cols int) []int {
	if len(cost) != rows*cols || valid != nil && len(valid) != rows {
		panic(fmt.Sprintf("matcher.AssignHost: %d costs and %d flags for %d x %d", len(cost), len(valid), rows, cols))
	}
	s := newHostState(comparableHost(cost, valid, rows, cols), cols)
	for row := range rows {
		if valid == nil || valid[row] {
			s.place(row)
		}
	}
	query := make([]int, rows)
	for i := range query {
		query[i] = -1
	}
	for j, i := range s.rowOf {
		if i >= 0 {
			query[i] = j
		}
	}
	return query
}

// comparableHost is comparable for one problem.
func comparableHost[T float32 | float64](cost []T, valid []bool, rows, cols int) []float64 {
	limit := Unusable(any(T(0)) == any(float64(0)))
	least, most := math.Inf(1), math.Inf(-1)
	for k, c := range cost {
		if c := float64(c); math.Abs(c) < limit && (valid == nil || valid[k/cols]) {
			least, most = min(least, c), max(most, c)
		}
	}
	span := most - least
	if !(span > 0) {
		span = 1
	}
	penalty := span * float64(min(rows, cols)+1)
	shifted := make([]float64, len(cost))
	for k, c := range cost {
		if c := float64(c); math.Abs(c) < limit {
			shifted[k] = c - least
		} else {
			shifted[k] = penalty
		}
	}
	return shifted
}

// hostState is state for one problem; column cols stands for "none".
type hostState struct {
	cols   int
	cost   []float64
	rowOf  []int
	free   int // columns without a row
	dual   []float64
	dist   []float64
	via    []int
	inTree []bool
	top    float64
}

func newHostState(cost []float64, cols int) *hostState {
	s := &hostState{cols: cols, cost: cost, free: cols,
		rowOf: make([]int, cols), dual: make([]float64, cols), dist: make([]float64, cols),
		via: make([]int, cols), inTree: make([]bool, cols)}
	for j := range s.rowOf {
		s.rowOf[j] = -1
	}
	return s
}

// place augments along the shortest alternating path from row to a free column, or
// to the exit once none is free.
func (s *hostState) place(row int) {
	none := s.cols
	for j := range s.dist {
		s.dist[j], s.inTree[j] = math.Inf(1), false
	}
	exit, exitFrom := math.Inf(-1), none
	column, low, end := none, 0.0, -1
	for end < 0 {
		i, dualOfRow := row, 0.0
		if column != none {
			i = s.rowOf[column]
			dualOfRow = s.cost[i*s.cols+column] - s.dual[column]
		}
		if leave := dualOfRow - low; leave > exit {
			exit, exitFrom = leave, column
		}
		nearest := s.relax(i, column, low-dualOfRow)
		low = math.Inf(1)
		if nearest != none {
			low = s.dist[nearest]
		}
		switch {
		case s.free == 0 && s.top-exit <= low:
			end, low = exitFrom, s.top-exit
		case s.rowOf[nearest] < 0:
			end = nearest
			s.free--
		default:
			s.inTree[nearest], column = true, nearest
		}
	}
	s.top = max(s.top, exit+low)
	for j, in := range s.inTree {
		if in {
			s.dual[j] -= low - s.dist[j]
		}
	}
	s.augment(row, end)
}

// relax shortens the paths through row i, which holds column and is reached at
// offset plus its dual variable, and returns the nearest column outside the tree: a
// free one, then the first, among equals; cols if there is none.
func (s *hostState) relax(i, column int, offset float64) int {
	nearest, low := s.cols, math.Inf(1)
	for j, c := range s.cost[i*s.cols : (i+1)*s.cols] {
		if s.inTree[j] {
			continue
		}
		if reach := c - s.dual[j] + offset; reach < s.dist[j] {
			s.dist[j], s.via[j] = reach, column
		}
		if d := s.dist[j]; d < low || d == low && s.rowOf[j] < 0 && s.rowOf[nearest] >= 0 {
			nearest, low = j, d
		}
	}
	return nearest
}

// augment gives every column of the path that ends at column end to the row through
// which it was reached.
func (s *hostState) augment(row, end int) {
	for end != s.cols {
		before := s.via[end]
		holder := row
		if before != s.cols {
			holder = s.rowOf[before]
		}
		s.rowOf[end], end = holder, before
	}
}
