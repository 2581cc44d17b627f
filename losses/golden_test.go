package losses_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/internal/backend/backendtest"
	"eomt/internal/parity"
	"eomt/losses"
)

// golden is a file of scripts/goldens/losses.py.
type golden struct {
	Points, Masks   int
	Counts          []int
	Planes, Classes array
	Total           float64
	Predictions     []goldenPrediction
}

type goldenPrediction struct {
	MaskLogits    array   `json:"mask_logits"`
	ClassLogits   array   `json:"class_logits"`
	MaskGradient  array   `json:"mask_gradient"`
	ClassGradient array   `json:"class_gradient"`
	CostPoints    array   `json:"cost_points"`
	Candidates    array   `json:"candidates"`
	Fresh         array   `json:"fresh"`
	Chosen        array   `json:"chosen"`
	Cost          array   `json:"cost"`
	Queries       array   `json:"queries"`
	Mask          float64 `json:"loss_mask"`
	Dice          float64 `json:"loss_dice"`
	Class         float64 `json:"loss_cross_entropy"`
}

// array is a numpy array.
type array struct {
	DType string
	Shape []int
	Data  string
}

// tensor decodes a into a tensor, floats as dtype.
func (a array) tensor(t testing.TB, dtype dtypes.DType) *tensors.Tensor {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(a.Data)
	if err != nil {
		t.Fatal(err)
	}
	switch a.DType {
	case "float64":
		values := make([]float64, len(raw)/8)
		for i := range values {
			values[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
		}
		if dtype == dtypes.Float32 {
			return tensors.FromFlatDataAndDimensions(to32(values), a.Shape...)
		}
		return tensors.FromFlatDataAndDimensions(values, a.Shape...)
	case "int32":
		values := make([]int32, len(raw)/4)
		for i := range values {
			values[i] = int32(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		return tensors.FromFlatDataAndDimensions(values, a.Shape...)
	case "uint32":
		values := make([]uint32, len(raw)/4)
		for i := range values {
			values[i] = binary.LittleEndian.Uint32(raw[4*i:])
		}
		return tensors.FromFlatDataAndDimensions(values, a.Shape...)
	}
	t.Fatalf("dtype %q", a.DType)
	return nil
}

func to32(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// flat returns a float tensor's values.
func flat(t testing.TB, x *tensors.Tensor) []float64 {
	t.Helper()
	if x.DType() == dtypes.Float64 {
		return tensors.MustCopyFlatData[float64](x)
	}
	var out []float64
	for _, v := range tensors.MustCopyFlatData[float32](x) {
		out = append(out, float64(v))
	}
	return out
}

func (g golden) valid() *tensors.Tensor {
	dims := g.Classes.Shape
	valid := make([]bool, dims[0]*dims[1])
	for b, n := range g.Counts {
		for m := range n {
			valid[b*dims[1]+m] = true
		}
	}
	return tensors.FromFlatDataAndDimensions(valid, dims...)
}

// eachGolden runs test on every file, float dtype and backend. Tolerances are
// relative to the largest reference value: float64 sums of some thousand terms in
// another order, and the same in float32 with inputs rounded to it. XLA takes
// seconds to compile each criterion, so it gets two of the ten, and the case of
// full size in float64 alone: among its 750,000 candidates rounding can change
// which points are the most uncertain.
func eachGolden(t *testing.T, test func(t *testing.T, b compute.Backend, g golden, dtype dtypes.DType, seen *differences)) {
	files, err := filepath.Glob(filepath.Join(parity.Folder("losses"), "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		seen := map[dtypes.DType]*differences{
			dtypes.Float64: {precision: "float64", tolerance: 1e-12},
			dtypes.Float32: {precision: "float32", tolerance: 2e-5},
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var g golden
			if err := json.Unmarshal(raw, &g); err != nil {
				t.Fatal(err)
			}
			for _, dtype := range []dtypes.DType{dtypes.Float64, dtypes.Float32} {
				name := filepath.Base(file) + "/" + dtype.String()
				onXLA := []string{"plain.json/Float64", "crowded.json/Float32", "full.json/Float64"}
				if b.String() != "go" && !slices.Contains(onXLA, name) || name == "full.json/Float32" {
					continue
				}
				t.Run(name, func(t *testing.T) { test(t, b, g, dtype, seen[dtype]) })
			}
		}
		for _, dtype := range []dtypes.DType{dtypes.Float64, dtypes.Float32} {
			seen[dtype].report(t)
		}
	})
}

// dense are given logits [B, h, w, Q] in factors: each query's embedding selects the
// channel that holds its logits. Products and sums with zeros change no digit.
func dense(logitsBhwQ *Node) losses.Masks {
	dims := logitsBhwQ.Shape().Dimensions
	unit := ConvertDType(Diagonal(logitsBhwQ.Graph(), dims[3]), logitsBhwQ.DType())
	return losses.Masks{FeaturesBhwD: logitsBhwQ, EmbeddingBQD: BroadcastToDims(InsertAxes(unit, 0), dims[0], dims[3], dims[3])}
}

// masks are logits of the golden in factors. A NaN or infinity among them would spoil
// all queries' logits of a pixel in a product. It is made of further channels whose
// products overflow: one for infinity, two that cancel for NaN.
func (g golden) masks(t testing.TB, logitsBhwQ *Node) losses.Masks {
	if g.finite(t) {
		return dense(logitsBhwQ)
	}
	huge := 1e300
	if logitsBhwQ.DType() == dtypes.Float32 {
		huge = 1e30
	}
	finite, number := IsFinite(logitsBhwQ), Equal(logitsBhwQ, logitsBhwQ)
	zeros := ZerosLike(logitsBhwQ)
	large := AddScalar(zeros, huge)
	m := dense(Where(finite, logitsBhwQ, zeros))
	return losses.Masks{
		FeaturesBhwD: Concatenate([]*Node{m.FeaturesBhwD, Where(finite, zeros, large), Where(number, zeros, large)}, 3),
		EmbeddingBQD: Concatenate([]*Node{m.EmbeddingBQD, MulScalar(m.EmbeddingBQD, huge), MulScalar(m.EmbeddingBQD, -huge)}, 2),
	}
}

// finite reports whether all mask logits are.
func (g golden) finite(t testing.TB) bool {
	for _, p := range g.Predictions {
		for _, v := range tensors.MustCopyFlatData[float64](p.MaskLogits.tensor(t, dtypes.Float64)) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return false
			}
		}
	}
	return true
}

func config(g golden) losses.Config {
	c := losses.Defaults()
	c.Points = g.Points
	c.NoObject = float64(float32(.1)) // the reference keeps it in a float32 buffer
	return c
}

// differences are the largest of each compared quantity over the goldens of one
// backend and precision.
type differences struct {
	precision string
	tolerance float64
	rows      []*parity.Row
}

// near is [near] with the tolerance of the precision, and notes the difference.
func (d *differences) near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	component := "criterion: " + what + ", " + d.precision
	i := slices.IndexFunc(d.rows, func(r *parity.Row) bool { return r.Component == component })
	if i < 0 {
		i = len(d.rows)
		d.rows = append(d.rows, &parity.Row{Component: component, Against: "transformers",
			Unit: "of the largest value", Tolerance: d.tolerance})
	}
	d.rows[i].Add(near(t, what, got, want, d.tolerance))
}

func (d *differences) report(t *testing.T) {
	t.Helper()
	for _, r := range d.rows {
		r.Report(t)
	}
}

// near fails if got and want differ by more than tol times want's largest finite
// magnitude; values that stand for NaN and infinities must do so in both. It
// returns the largest difference and that magnitude.
func near(t *testing.T, what string, got, want []float64, tol float64) (difference, scale float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	const lastResort = 3e38
	for _, w := range want {
		if math.Abs(w) < lastResort {
			scale = max(scale, math.Abs(w))
		}
	}
	for i, w := range want {
		if w >= lastResort && got[i] >= lastResort {
			continue
		}
		if !(math.Abs(got[i]-w) <= tol*scale) {
			t.Fatalf("%s: value %d is %v, want %v (tolerance %g)", what, i, got[i], w, tol*scale)
		}
		difference = max(difference, math.Abs(got[i]-w))
	}
	return difference, scale
}

func TestCostMatrixGolden(t *testing.T) {
	eachGolden(t, func(t *testing.T, b compute.Backend, g golden, dtype dtypes.DType, seen *differences) {
		exec := MustNewExec1(b, func(in []*Node) *Node {
			targets := losses.Targets{PlanesBHWW: in[2], ClassesBM: in[3], ValidBM: in[4]}
			return losses.CostMatrix(config(g), g.masks(t, in[0]), in[1], targets, in[5])
		})
		for _, p := range g.Predictions {
			cost := flat(t, exec.MustCall(p.MaskLogits.tensor(t, dtype), p.ClassLogits.tensor(t, dtype),
				g.Planes.tensor(t, 0), g.Classes.tensor(t, 0), g.valid(), p.CostPoints.tensor(t, dtype)))
			want := flat(t, p.Cost.tensor(t, dtypes.Float64))
			dims := p.Cost.Shape
			for batch, n := range g.Counts {
				from, to := batch*dims[1]*dims[2], (batch*dims[1]+n)*dims[2]
				seen.near(t, "matching cost", cost[from:to], want[from:to])
			}
		}
	})
}

func TestCriterionGolden(t *testing.T) {
	eachGolden(t, func(t *testing.T, b compute.Backend, g golden, dtype dtypes.DType, seen *differences) {
		n := len(g.Predictions)
		exec := MustNewExec(b, func(in []*Node) []*Node {
			var points []losses.Points
			for i := range n {
				points = append(points, losses.Points{CostBP2: in[2*n+3*i], CandidatesBM2: in[2*n+3*i+1], FreshBM2: in[2*n+3*i+2]})
			}
			rest := in[5*n:]
			targets := losses.Targets{PlanesBHWW: rest[0], ClassesBM: rest[1], ValidBM: rest[2]}
			masks := Scalar(rest[0].Graph(), dtype, float64(g.Masks))
			var predicted []losses.Masks
			for _, x := range in[:n] {
				predicted = append(predicted, g.masks(t, x))
			}
			total, r := losses.CriterionAt(config(g), predicted, in[n:2*n], targets, points, losses.Normalizers{Masks: masks})
			out := append([]*Node{total}, Gradient(total, in[:2*n]...)...)
			return slices.Concat(out, r.Mask, r.Dice, r.Class, r.QueriesBM)
		})
		var masks, classes, points []any
		for _, p := range g.Predictions {
			masks = append(masks, p.MaskLogits.tensor(t, dtype))
			classes = append(classes, p.ClassLogits.tensor(t, dtype))
			points = append(points, p.CostPoints.tensor(t, dtype), p.Candidates.tensor(t, dtype), p.Fresh.tensor(t, dtype))
		}
		out := exec.MustCall(slices.Concat(masks, classes, points, []any{g.Planes.tensor(t, 0), g.Classes.tensor(t, 0), g.valid()})...)
		for i, p := range g.Predictions {
			got := tensors.MustCopyFlatData[int32](out[1+5*n+i])
			want := tensors.MustCopyFlatData[int32](p.Queries.tensor(t, 0))
			if !slices.Equal(got, want) {
				t.Errorf("queries %v, want %v", got, want)
			}
			seen.near(t, "assigned queries", numbers(got), numbers(want))
			seen.near(t, "mask gradient", flat(t, out[1+i]), flat(t, p.MaskGradient.tensor(t, dtypes.Float64)))
			seen.near(t, "class gradient", flat(t, out[1+n+i]), flat(t, p.ClassGradient.tensor(t, dtypes.Float64)))
			seen.near(t, "losses", flat(t, out[1+2*n+i]), []float64{p.Mask})
			seen.near(t, "losses", flat(t, out[1+3*n+i]), []float64{p.Dice})
			seen.near(t, "losses", flat(t, out[1+4*n+i]), []float64{p.Class})
		}
		seen.near(t, "losses", flat(t, out[0]), []float64{g.Total})
	})
}

func TestMostUncertainGolden(t *testing.T) {
	eachGolden(t, func(t *testing.T, b compute.Backend, g golden, dtype dtypes.DType, seen *differences) {
		k := g.Points * 3 / 4
		exec := MustNewExec1(b, func(maps, queries, candidates *Node) *Node {
			dims := candidates.Shape().Dimensions
			n := dims[0] * dims[1]
			own := losses.MapsOfTargets(g.masks(t, maps), queries)
			points := Reshape(candidates, n, dims[2], 2)
			return Reshape(losses.MostUncertain(points, losses.SampleMaps(own, points), k), dims[0], dims[1], k, 2)
		})
		for _, p := range g.Predictions {
			got := flat(t, exec.MustCall(p.MaskLogits.tensor(t, dtype), p.Queries.tensor(t, 0), p.Candidates.tensor(t, dtype)))
			want := flat(t, p.Chosen.tensor(t, dtype)) // the fresh ones follow
			for pair, q := range tensors.MustCopyFlatData[int32](p.Queries.tensor(t, 0)) {
				if q < 0 {
					continue
				}
				ours, theirs := got[pair*k*2:(pair+1)*k*2], want[pair*g.Points*2:][:k*2]
				if !slices.EqualFunc(sortedPoints(ours), sortedPoints(theirs), slices.Equal) {
					t.Errorf("pair %d: other points than the reference's", pair)
				}
				seen.near(t, "chosen points", slices.Concat(sortedPoints(ours)...), slices.Concat(sortedPoints(theirs)...))
			}
		}
	})
}

func sortedPoints(xy []float64) [][]float64 {
	out := slices.Collect(slices.Chunk(xy, 2))
	slices.SortFunc(out, slices.Compare)
	return out
}

func numbers(x []int32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}
