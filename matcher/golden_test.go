package matcher_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/support/exceptions"

	"eomt/internal/backend/backendtest"
	"eomt/internal/parity"
	"eomt/matcher"
)

// scipyProblem is an entry of scripts/goldens/matcher.py.
type scipyProblem struct {
	Kind              string
	Rows, Cols, Pairs int
	Cost              string // float32
	Sum               float64
}

func scipyProblems(t *testing.T) (ps []problem, want []value) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(parity.Folder("matcher"), "scipy.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file []scipyProblem
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	for _, s := range file {
		bytes, err := base64.StdEncoding.DecodeString(s.Cost)
		if err != nil {
			t.Fatal(err)
		}
		p := problem{rows: s.Rows, cols: s.Cols, valid: make([]bool, s.Rows)}
		for i := range p.valid {
			p.valid[i] = true
		}
		for i := 0; i < len(bytes); i += 4 {
			p.cost = append(p.cost, float64(math.Float32frombits(binary.LittleEndian.Uint32(bytes[i:]))))
		}
		ps, want = append(ps, p), append(want, value{pairs: s.Pairs, sum: s.Sum})
	}
	return ps, want
}

func TestScipy(t *testing.T) {
	ps, want := scipyProblems(t)
	// Both sum at most 200 doubles, in different orders.
	const tolerance = 1e-12
	each(t, func(t *testing.T, assign assigner) {
		row := parity.Row{Component: "cost of the assignment, float64", Against: "scipy", Unit: "of the cost",
			Tolerance: tolerance}
		for first := range 4 { // problems of one size lie four apart
			var same []problem
			for i := first; i < len(ps); i += 4 {
				same = append(same, ps[i])
			}
			for i, query := range assign(same) {
				got, want := judge(t, same[i], query), want[first+4*i]
				row.Add(math.Abs(got.sum-want.sum), 1+math.Abs(want.sum))
				if tol := tolerance * (1 + math.Abs(want.sum)); got.worse(want, tol) || want.worse(got, tol) {
					t.Errorf("problem %d, %d x %d: %+v, scipy has %+v", first+4*i, same[i].rows, same[i].cols, got, want)
				}
			}
		}
		row.Report(t)
	})
}

// The costs of a float32 graph hold the largest float32 for NaN and infinities.
func TestFloat32LastResort(t *testing.T) {
	const most = math.MaxFloat32
	cost := []float32{most, 1, most, 5, most, most, 4, 2, 3} // target 1 takes query 0, otherwise the sum is larger
	b := backendtest.Fast(t)
	got := MustExecOnce(b, func(cost, valid *Node) *Node { return matcher.Assign(cost, valid) },
		tensors.FromFlatDataAndDimensions(cost, 1, 3, 3), [][]bool{{true, true, true}})
	if want := "[[1 0 2]]"; fmt.Sprint(got.Value()) != want {
		t.Errorf("graph: %v, want %s", got.Value(), want)
	}
	if host := matcher.AssignHost(cost, nil, 3, 3); fmt.Sprint(host) != "[1 0 2]" {
		t.Errorf("host: %v", host)
	}
}

func TestAssignRefusesShapes(t *testing.T) {
	g := NewGraph(backendtest.Fast(t), "refusal")
	cost := Parameter(g, "cost", shapes.Make(dtypes.Float32, 2, 3, 4))
	for want, args := range map[string][2]*Node{
		"costs must be float [N, M, Q]": {Parameter(g, "flat", shapes.Make(dtypes.Float32, 3, 4)), cost},
		"valid must be bool [2, 3]":     {cost, Parameter(g, "valid", shapes.Make(dtypes.Bool, 2, 4))},
	} {
		err := exceptions.TryCatch[error](func() { matcher.Assign(args[0], args[1]) })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	if panicked := exceptions.Try(func() { matcher.AssignHost([]float32{1}, nil, 2, 2) }); panicked == nil ||
		!strings.Contains(fmt.Sprint(panicked), "1 costs and 0 flags for 2 x 2") {
		t.Errorf("host: %v", panicked)
	}
}

// Two targets, three queries: the first target would rather have query 0, but the
// second has no other.
func ExampleAssignHost() {
	cost := []float32{
		1, 2, 9,
		1, 8, 9,
	}
	fmt.Println(matcher.AssignHost(cost, nil, 2, 3))
	fmt.Println(matcher.AssignHost(cost, []bool{true, false}, 2, 3))
	// Output:
	// [1 0]
	// [0 -1]
}
