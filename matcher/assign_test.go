package matcher_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"pgregory.net/rapid"

	"eomt/internal/backend/backendtest"
	"eomt/matcher"
)

// problem is one assignment problem as both assigners take it.
type problem struct {
	rows, cols int
	cost       []float64
	valid      []bool
}

// assigner solves problems of one size.
type assigner func(ps []problem) [][]int

func host(ps []problem) [][]int {
	out := make([][]int, len(ps))
	for i, p := range ps {
		out[i] = matcher.AssignHost(p.cost, p.valid, p.rows, p.cols)
	}
	return out
}

func inGraph(b compute.Backend) assigner {
	exec := MustNewExec1(b, matcher.Assign)
	return func(ps []problem) [][]int {
		n, m, q := len(ps), ps[0].rows, ps[0].cols
		var cost []float64
		var valid []bool
		for _, p := range ps {
			cost = append(cost, p.cost...)
			valid = append(valid, p.valid...)
		}
		got := exec.MustCall(tensors.FromFlatDataAndDimensions(cost, n, m, q), tensors.FromFlatDataAndDimensions(valid, n, m))
		out := make([][]int, n)
		for i, row := range got.Value().([][]int32) {
			for _, q := range row {
				out[i] = append(out[i], int(q))
			}
		}
		return out
	}
}

// each runs test with every assigner: the host's and the graph's on every backend.
func each(t *testing.T, test func(t *testing.T, assign assigner)) {
	t.Run("host", func(t *testing.T) { test(t, host) })
	backendtest.Each(t, func(t *testing.T, b compute.Backend) { test(t, inGraph(b)) })
}

// value is what an assignment is judged by, most important first.
type value struct {
	pairs, unusable int
	sum             float64
}

func (v value) worse(w value, tol float64) bool {
	if v.pairs != w.pairs {
		return v.pairs < w.pairs
	}
	if v.unusable != w.unusable {
		return v.unusable > w.unusable
	}
	return v.sum > w.sum+tol
}

// judge checks that query is an assignment of p at all and returns its value.
func judge(t testing.TB, p problem, query []int) value {
	t.Helper()
	var v value
	used := map[int]bool{}
	for i, j := range query {
		if j == -1 {
			continue
		}
		if !p.valid[i] || j < 0 || j >= p.cols || used[j] {
			t.Fatalf("target %d (valid %v) has query %d of %d (used before: %v)", i, p.valid[i], j, p.cols, used[j])
		}
		used[j] = true
		v.pairs++
		if c := p.cost[i*p.cols+j]; math.Abs(c) < matcher.Unusable(true) {
			v.sum += c
		} else {
			v.unusable++
		}
	}
	return v
}

// bruteForce tries all assignments.
func bruteForce(p problem) value {
	best := value{pairs: -1}
	used := make([]bool, p.cols)
	var try func(i int, v value)
	try = func(i int, v value) {
		if i == p.rows {
			if best.pairs < 0 || best.worse(v, 0) {
				best = v
			}
			return
		}
		try(i+1, v)
		if !p.valid[i] {
			return
		}
		for j := range p.cols {
			if used[j] {
				continue
			}
			used[j] = true
			w := v
			w.pairs++
			if c := p.cost[i*p.cols+j]; math.Abs(c) < matcher.Unusable(true) {
				w.sum += c
			} else {
				w.unusable++
			}
			try(i+1, w)
			used[j] = false
		}
	}
	try(0, value{})
	return best
}

// draw makes a problem whose costs come from cell.
func draw(rng *rand.Rand, rows, cols int, cell func() float64) problem {
	p := problem{rows: rows, cols: cols, cost: make([]float64, rows*cols), valid: make([]bool, rows)}
	keep := rng.Float64() * 1.3
	for i := range p.valid {
		p.valid[i] = rng.Float64() < keep
	}
	for k := range p.cost {
		p.cost[k] = cell()
	}
	return p
}

// cells are the kinds of costs that the suites draw from.
func cells(rng *rand.Rand) map[string]func() float64 {
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64}
	return map[string]func() float64{
		"uniform":  rng.Float64,
		"negative": func() float64 { return -1000 * rng.Float64() },
		"ties":     func() float64 { return float64(rng.IntN(3)) },
		"equal":    func() float64 { return 7 },
		"wide":     func() float64 { return math.Ldexp(rng.NormFloat64(), rng.IntN(60)-30) },
		"odd": func() float64 {
			if rng.IntN(3) == 0 {
				return odd[rng.IntN(len(odd))]
			}
			return rng.NormFloat64()
		},
		"all odd": func() float64 { return odd[rng.IntN(len(odd))] },
	}
}

// The suite's sizes for brute force. XLA takes more than a second to compile each,
// so it gets the first three, with more problems of each.
var smallSizes = [][2]int{{5, 6}, {5, 3}, {1, 1}, {1, 4}, {3, 3}, {4, 5}, {5, 5}, {6, 2}, {5, 1}}

func TestSmallAgainstBruteForce(t *testing.T) {
	each(t, func(t *testing.T, assign assigner) {
		rng := rand.New(rand.NewPCG(1, 2))
		sizes, problems := smallSizes, 12
		if strings.Contains(t.Name(), "xla") {
			sizes, problems = smallSizes[:3], 40
		}
		for _, size := range sizes {
			var ps []problem
			var names []string
			for name, cell := range cells(rng) {
				for range problems {
					ps = append(ps, draw(rng, size[0], size[1], cell))
					names = append(names, name)
				}
			}
			for i, query := range assign(ps) {
				got, want := judge(t, ps[i], query), bruteForce(ps[i])
				// Sums of at most 6 costs, in another order.
				if got.worse(want, 1e-12*(1+math.Abs(want.sum))) {
					t.Errorf("%s %v valid %v: got %+v by %v, best is %+v", names[i], size, ps[i].valid, got, query, want)
				}
			}
		}
	})
}

func TestLargeGraphAgainstHost(t *testing.T) {
	sizes := [][2]int{{128, 200}, {100, 60}}
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		assign := inGraph(b)
		rng := rand.New(rand.NewPCG(3, 4))
		for _, size := range sizes {
			var ps []problem
			var names []string
			for name, cell := range cells(rng) {
				ps = append(ps, draw(rng, size[0], size[1], cell))
				names = append(names, name)
			}
			for i, query := range assign(ps) {
				p := ps[i]
				got := judge(t, p, query)
				want := judge(t, p, matcher.AssignHost(p.cost, p.valid, p.rows, p.cols))
				tol := 1e-11 * float64(size[0]) * (1 + math.Abs(want.sum)) // rounding of the dual variables
				if got.worse(want, tol) || want.worse(got, tol) {
					t.Errorf("%s %v: graph %+v, host %+v", names[i], size, got, want)
				}
			}
		}
	})
}

func TestRandomProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := problem{rows: rapid.IntRange(0, 6).Draw(t, "rows"), cols: rapid.IntRange(0, 6).Draw(t, "cols")}
		p.cost = rapid.SliceOfN(rapid.Float64(), p.rows*p.cols, p.rows*p.cols).Draw(t, "cost")
		p.valid = rapid.SliceOfN(rapid.Bool(), p.rows, p.rows).Draw(t, "valid")
		query := matcher.AssignHost(p.cost, p.valid, p.rows, p.cols)
		pairs := 0
		for _, j := range query {
			if j >= 0 {
				pairs++
			}
		}
		want := 0
		for _, v := range p.valid {
			if v {
				want++
			}
		}
		if pairs != min(want, p.cols) {
			t.Fatalf("%d pairs for %d valid targets and %d queries", pairs, want, p.cols)
		}
	})
}

// BenchmarkAssign is 16 images of 5 predictions at the usual and the largest
// bucket, one image, and more targets than queries.
func BenchmarkAssign(b *testing.B) {
	for _, size := range [][3]int{{80, 16, 200}, {80, 128, 200}, {5, 16, 200}, {80, 128, 100}} {
		n, m, q := size[0], size[1], size[2]
		rng := rand.New(rand.NewPCG(5, 6))
		cost, valid := make([]float32, n*m*q), make([]bool, n*m)
		for k := range cost {
			cost[k] = rng.Float32()
		}
		for k := range valid {
			valid[k] = true
		}
		b.Run(fmt.Sprintf("graph/%dx%dx%d", n, m, q), func(b *testing.B) {
			exec := MustNewExec1(backendtest.Fast(b), matcher.Assign)
			args := []any{tensors.FromFlatDataAndDimensions(cost, n, m, q), tensors.FromFlatDataAndDimensions(valid, n, m)}
			exec.MustCall(args...)
			for b.Loop() {
				exec.MustCall(args...)
			}
		})
		b.Run(fmt.Sprintf("host/%dx%dx%d", n, m, q), func(b *testing.B) {
			for b.Loop() {
				for i := range n {
					matcher.AssignHost(cost[i*m*q:(i+1)*m*q], nil, m, q)
				}
			}
		})
	}
}
