package losses_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/support/exceptions"

	"eomt/internal/backend"
	"eomt/internal/backend/backendtest"
	"eomt/losses"
)

// batch is a small training batch on the host.
type batch struct {
	b, h, w, q, c, m, targetH, targetW int
	masks, classes                     []float64
	planes                             []uint32
	labels                             []int32
	valid                              []bool
}

func newBatch(rng *rand.Rand, m int) batch {
	x := batch{b: 2, h: 4, w: 6, q: 5, c: 3, m: m, targetH: 8, targetW: 12}
	x.masks = uniform(rng, x.b*x.h*x.w*x.q, -3, 3)
	x.classes = uniform(rng, x.b*x.q*(x.c+1), -3, 3)
	x.planes = make([]uint32, x.b*x.targetH*x.targetW)
	for i := range x.planes {
		x.planes[i] = rng.Uint32() & (1<<3 - 1)
	}
	x.labels, x.valid = make([]int32, x.b*m), make([]bool, x.b*m)
	for _, i := range []int{0, 1, 2, m, m + 1} { // three targets, and two
		x.labels[i], x.valid[i] = int32(i%m), true
	}
	return x
}

// padded is x with room for m targets; what stands in the padding is not to be used.
func (x batch) padded(m int) batch {
	y := x
	y.m, y.labels, y.valid = m, make([]int32, x.b*m), make([]bool, x.b*m)
	for i := range y.labels {
		y.labels[i] = 2
	}
	for b := range x.b {
		copy(y.labels[b*m:], x.labels[b*x.m:(b+1)*x.m])
		copy(y.valid[b*m:], x.valid[b*x.m:(b+1)*x.m])
	}
	return y
}

func (x batch) args() []any {
	return []any{
		tensors.FromFlatDataAndDimensions(x.masks, x.b, x.h, x.w, x.q),
		tensors.FromFlatDataAndDimensions(x.classes, x.b, x.q, x.c+1),
		tensors.FromFlatDataAndDimensions(x.planes, x.b, x.targetH, x.targetW, 1),
		tensors.FromFlatDataAndDimensions(x.labels, x.b, x.m),
		tensors.FromFlatDataAndDimensions(x.valid, x.b, x.m),
	}
}

func smallConfig() losses.Config {
	c := losses.Defaults()
	c.Points = 64
	return c
}

// criterion runs Criterion on two predictions, the same one twice, and returns the
// total, the gradients of mask and class logits, and the report's scalars. Its
// properties do not depend on the backend, so they are tested on the one that
// compiles at once; golden_test.go has both.
func criterion(t testing.TB, x batch, convert func(*Node) *Node) (total float64, masks, classes, scalars []float64) {
	t.Helper()
	b, err := backend.Open(backend.Choice{Name: backend.GoName})
	if err != nil {
		t.Fatal(err)
	}
	out := MustExecOnceN(b, func(in []*Node) []*Node {
		mask, class := convert(in[0]), convert(in[1])
		total, r := losses.Criterion(smallConfig(), []losses.Masks{dense(mask), dense(mask)}, []*Node{class, class},
			losses.Targets{PlanesBHWW: in[2], ClassesBM: in[3], ValidBM: in[4]}, Const(in[0].Graph(), []uint64{7, 8, 9}))
		out := append([]*Node{ConvertDType(total, dtypes.Float64)}, Gradient(total, in[:2]...)...)
		for _, s := range slices.Concat(r.Mask, r.Dice, r.Class, []*Node{r.Matched}) {
			out = append(out, ConvertDType(s, dtypes.Float64))
		}
		return out
	}, x.args()...)
	for _, s := range out[3:] {
		scalars = append(scalars, flat(t, s)...)
	}
	return flat(t, out[0])[0], flat(t, out[1]), flat(t, out[2]), scalars
}

func same(x *Node) *Node { return x }

func TestPaddingChangesNothing(t *testing.T) {
	x := newBatch(rand.New(rand.NewPCG(6, 1)), 3)
	total, masks, classes, _ := criterion(t, x, same)
	for _, m := range []int{8, 16} { // 16 is more than the queries as well
		gotTotal, gotMasks, gotClasses, _ := criterion(t, x.padded(m), same)
		near(t, "total", []float64{gotTotal}, []float64{total}, 1e-14) // sums with further zeros
		near(t, "mask gradient", gotMasks, masks, 1e-14)
		near(t, "class gradient", gotClasses, classes, 1e-14)
	}
}

func TestQueryPermutation(t *testing.T) {
	x := newBatch(rand.New(rand.NewPCG(7, 1)), 8)
	order := []int{3, 0, 4, 1, 2}
	permute := func(v []float64, stride, inner int) []float64 { // [.., Q, inner]
		out := make([]float64, len(v))
		for i := range len(v) / stride {
			for k, from := range order {
				copy(out[i*stride+k*inner:][:inner], v[i*stride+from*inner:])
			}
		}
		return out
	}
	total, masks, classes, _ := criterion(t, x, same)
	y := x
	y.masks, y.classes = permute(x.masks, x.q, 1), permute(x.classes, x.q*(x.c+1), x.c+1)
	gotTotal, gotMasks, gotClasses, _ := criterion(t, y, same)
	near(t, "total", []float64{gotTotal}, []float64{total}, 1e-14) // sums in another order
	near(t, "mask gradient", gotMasks, permute(masks, x.q, 1), 1e-14)
	near(t, "class gradient", gotClasses, permute(classes, x.q*(x.c+1), x.c+1), 1e-14)
}

func TestNoTargets(t *testing.T) {
	x := newBatch(rand.New(rand.NewPCG(8, 1)), 8)
	clear(x.valid)
	total, masks, classes, scalars := criterion(t, x, same)
	if mask, dice, class, matched := scalars[0], scalars[2], scalars[4], scalars[6]; mask != 0 || dice != 0 || matched != 0 || !(class > 0) || math.IsInf(total, 0) {
		t.Errorf("total %v, mask %v, dice %v, class %v, matched %v", total, mask, dice, class, matched)
	}
	if slices.ContainsFunc(masks, func(g float64) bool { return g != 0 }) {
		t.Error("mask logits have a gradient")
	}
	if slices.Max(classes) <= 0 || slices.ContainsFunc(classes, func(g float64) bool { return math.IsNaN(g) || math.IsInf(g, 0) }) {
		t.Errorf("gradient of the class logits %v", classes)
	}
}

func TestHalfPrecisionLogits(t *testing.T) {
	x := newBatch(rand.New(rand.NewPCG(9, 1)), 8)
	total, _, _, _ := criterion(t, x, same)
	got, _, _, _ := criterion(t, x, func(x *Node) *Node { return ConvertDType(x, dtypes.BFloat16) })
	near(t, "total", []float64{got}, []float64{total}, .02) // logits keep 8 bits
}

func TestDrawPoints(t *testing.T) {
	const predictions, images, targets = 2, 3, 5
	c := losses.Defaults()
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		draw := func(dtype dtypes.DType, targets int, state ...uint64) [][]float64 {
			out := MustExecOnceN(b, func(state *Node) []*Node {
				var all []*Node
				for _, p := range losses.DrawPoints(c, state, nil, losses.Drawn{Predictions: predictions, Images: images, Targets: targets}, dtype) {
					all = append(all, p.CostBP2, Slice(p.CandidatesBM2, AxisRange(), AxisRange(0, 2)), p.FreshBM2)
				}
				return all
			}, state)
			var values [][]float64
			for _, x := range out {
				values = append(values, flat(t, x))
			}
			return values
		}
		points := draw(dtypes.Float64, targets, 1, 2, 3)
		for i, x := range points {
			mean, square := 0.0, 0.0
			for _, v := range x {
				if v < 0 || v >= 1 {
					t.Fatalf("draw %d: %v is outside [0, 1)", i, v)
				}
				mean, square = mean+v/float64(len(x)), square+(v-.5)*(v-.5)/float64(len(x))
			}
			// Five standard deviations of the mean of at least 75264 uniform values.
			if math.Abs(mean-.5) > .0053 || math.Abs(square-1./12) > .0014 {
				t.Errorf("draw %d: mean %v, variance %v", i, mean, square)
			}
			for j, y := range points[:i] {
				if slices.Equal(x[:100], y[:100]) {
					t.Errorf("draws %d and %d are the same", j, i)
				}
			}
		}
		if first := points[0][:3]; !slices.Equal(first, []float64{0.9928632974624634, 0.501304566860199, 0.6384732723236084}) {
			t.Errorf("first points %v: differ from other backends'", first)
		}
		if other := draw(dtypes.Float64, targets, 1, 2, 4); slices.Equal(other[0][:100], points[0][:100]) {
			t.Error("another state draws the same points")
		}
		if more := draw(dtypes.Float32, 2*targets, 1, 2, 3); !slices.Equal(more[1], points[1]) {
			t.Error("float32 or more targets change a target's points")
		}
	})
}

func TestRefusals(t *testing.T) {
	b, err := backend.Open(backend.Choice{Name: backend.GoName})
	if err != nil {
		t.Fatal(err)
	}
	bad := map[string]func(c *losses.Config){
		"none may be negative": func(c *losses.Config) { c.Dice = -1 },
		"nor all zero":         func(c *losses.Config) { c.Mask, c.Dice, c.Class = 0, 0, 0 },
		"no-object weight 0":   func(c *losses.Config) { c.NoObject = 0 },
		"importance 0.75 of 1": func(c *losses.Config) { c.Points = 1 },
		"importance 1 of 64":   func(c *losses.Config) { c.Importance = 1 },
		"oversample 0.5":       func(c *losses.Config) { c.Oversample = .5 },
	}
	for want, change := range bad {
		c := smallConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	shape := func(dtype dtypes.DType, dims ...int) shapes.Shape { return shapes.Make(dtype, dims...) }
	features, embedding, class := shape(dtypes.Float32, 2, 4, 6, 7), shape(dtypes.Float32, 2, 5, 7), shape(dtypes.Float32, 2, 5, 4)
	planes, labels, valid := shape(dtypes.Uint32, 2, 8, 12, 1), shape(dtypes.Int32, 2, 8), shape(dtypes.Bool, 2, 8)
	for want, in := range map[string][]shapes.Shape{
		"need [B, Q, D] and [B, Q, C+1]":               {features, embedding, shape(dtypes.Float32, 2, 6, 4), planes, labels, valid},
		"need [B, h, w, D] and [B, Q, D] of one dtype": {features, shape(dtypes.Float32, 2, 5, 8), class, planes, labels, valid},
		"embedding (Float64)[2, 5, 7]":                 {features, shape(dtypes.Float64, 2, 5, 7), class, planes, labels, valid},
		"valid must be bool [2, M]":                    {features, embedding, class, planes, labels, shape(dtypes.Bool, 3, 8)},
		"classes must be int32 [2 8]":                  {features, embedding, class, planes, shape(dtypes.Int32, 2, 9), valid},
		"a bit for each of 40 targets":                 {features, embedding, class, planes, shape(dtypes.Int32, 2, 40), shape(dtypes.Bool, 2, 40)},
	} {
		g := NewGraph(b, "refusal")
		var p []*Node
		for i, s := range in {
			p = append(p, Parameter(g, string(rune('a'+i)), s))
		}
		err := exceptions.TryCatch[error](func() {
			losses.Criterion(smallConfig(), []losses.Masks{{FeaturesBhwD: p[0], EmbeddingBQD: p[1]}}, p[2:3],
				losses.Targets{PlanesBHWW: p[3], ClassesBM: p[4], ValidBM: p[5]}, Const(g, []uint64{1, 2, 3}))
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
