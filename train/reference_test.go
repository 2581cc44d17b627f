package train

import (
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
	"eomt/data"
	"eomt/internal/backend/backendtest"
	"eomt/internal/parity"
	"eomt/losses"
	"eomt/model"
)

// reference is five training steps of the reference implementation, as
// scripts/goldens/train.py recorded them in float64.
type reference struct {
	t       *testing.T
	config  StepConfig
	against string // the reference's name
	tensors map[string]tensor.Tensor
}

const referenceSteps = 5

func readReference(t *testing.T) *reference {
	t.Helper()
	loss := losses.Defaults()
	loss.Points = 32
	r := &reference{t: t, tensors: map[string]tensor.Tensor{}, config: StepConfig{
		Loss:      loss,
		Optimizer: recipe(1e-3, 0.01),
		Schedule: Schedule{Total: 10, WarmupHead: 1, WarmupBackbone: 2,
			Annealing: []Anneal{{0, 3}, {1, 7}}},
	}}
	for _, part := range []string{"start", "gradients", "end"} {
		file, err := safetensors.Open(filepath.Join(parity.Folder("train"), "steps-"+part+".safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		for _, one := range file.Tensors {
			r.tensors[part+"/"+one.Name] = one
		}
		a, err := parity.Architecture(file.Metadata["model"])
		if err != nil {
			t.Fatal(err)
		}
		if r.config.Network, err = model.New(a); err != nil {
			t.Fatal(err)
		}
		r.against = file.Metadata["reference"]
	}
	return r
}

// bytes are the values of a tensor of the files, and its shape.
func (r *reference) bytes(name string) ([]byte, []int) {
	r.t.Helper()
	stored, ok := r.tensors[name]
	if !ok {
		r.t.Fatalf("no tensor %s in the golden files", name)
	}
	raw, err := stored.Bytes()
	if err != nil {
		r.t.Fatal(err)
	}
	return raw, stored.Shape
}

func (r *reference) float64s(name string) []float64 {
	raw, _ := r.bytes(name)
	values := make([]float64, len(raw)/8)
	for i := range values {
		values[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return values
}

// input is a float32 tensor of the start file in dtype.
func (r *reference) input(name string, dtype dtypes.DType) *tensors.Tensor {
	r.t.Helper()
	_, shape := r.bytes("start/" + name)
	values, err := r.tensors["start/"+name].Float32s()
	if err != nil {
		r.t.Fatal(err)
	}
	return toTensor(values, shape, dtype)
}

func (r *reference) state(dtype dtypes.DType) *State {
	r.t.Helper()
	values := map[string]tensor.Tensor{}
	for _, p := range r.config.Network.Architecture().Parameters() {
		values[p.Name] = r.tensors["start/param/"+p.Name]
	}
	state, err := NewState(r.config.Network.Architecture(), values, 0, dtype)
	if err != nil {
		r.t.Fatal(err)
	}
	return state
}

func (r *reference) batch(step int) *data.Batch {
	name := fmt.Sprintf("start/%d/", step)
	images, dims := r.bytes(name + "images")
	valid, targets := r.bytes(name + "valid")
	b := &data.Batch{Step: step, Names: make([]string, dims[0]), B: dims[0], H: dims[1], W: dims[2], M: targets[1], Images: images}
	for _, v := range valid {
		b.Valid = append(b.Valid, v != 0)
	}
	classes, _ := r.bytes(name + "classes")
	for ; len(classes) > 0; classes = classes[4:] {
		b.Classes = append(b.Classes, int32(binary.LittleEndian.Uint32(classes)))
	}
	planes, _ := r.bytes(name + "planes")
	for ; len(planes) > 0; planes = planes[4:] {
		b.Masks = append(b.Masks, binary.LittleEndian.Uint32(planes))
	}
	return b
}

// draws are the recorded draws of a step, as further inputs; takeDraws turns
// their nodes into what the step takes.
func (r *reference) draws(step int, dtype dtypes.DType) []any {
	args := []any{r.input(fmt.Sprintf("%d/mask_draws", step), dtype)}
	for k := range r.config.Network.Architecture().Predictions() {
		for _, kind := range []string{"cost", "candidates", "fresh"} {
			args = append(args, r.input(fmt.Sprintf("%d/%d/%s", step, k, kind), dtype))
		}
	}
	return args
}

func takeDraws(in []*Node) draws {
	d := draws{masksLBQ: in[0]}
	for in = in[1:]; len(in) > 0; in = in[3:] {
		d.points = append(d.points, losses.Points{CostBP2: in[0], CandidatesBM2: in[1], FreshBM2: in[2]})
	}
	return d
}

// compile builds a graph over a step's inputs with recorded draws.
func (r *reference) compile(b compute.Backend, build func(s *Step, in inputs, d draws) []*Node) (*Step, *Exec) {
	r.t.Helper()
	s, err := NewStep(b, r.config)
	if err != nil {
		r.t.Fatal(err)
	}
	own := 3*len(s.groups) + batchInputs + 1 // parameters, two moments, batch, scalars
	exec := MustNewExec(b, func(in []*Node) []*Node { return build(s, s.splitInputs(in), takeDraws(in[own:])) })
	r.t.Cleanup(exec.Finalize)
	return s, exec
}

func (r *reference) call(s *Step, exec *Exec, state *State, dtype dtypes.DType) []*tensors.Tensor {
	r.t.Helper()
	args, err := s.arguments(state, r.batch(state.Step))
	if err != nil {
		r.t.Fatal(err)
	}
	out, err := exec.Call(append(args, r.draws(state.Step, dtype)...)...)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// largest compares a parameter's values, of either dtype, with the reference's
// and returns the largest difference and the largest value.
func largest(got *tensors.Tensor, want []float64) (difference, value float64) {
	var at func(i int) float64
	if got.DType() == dtypes.Float64 {
		values := tensors.MustCopyFlatData[float64](got)
		at = func(i int) float64 { return values[i] }
	} else {
		values := tensors.MustCopyFlatData[float32](got)
		at = func(i int) float64 { return float64(values[i]) }
	}
	for i, w := range want {
		if d := math.Abs(at(i) - w); !(d <= difference) { // keeps a NaN
			difference = d
		}
		value = max(value, math.Abs(w))
	}
	return difference, value
}

// The gradient of the whole step's loss is the reference's for every parameter.
// (On XLA the five steps below hold it too, and a second compilation takes long.)
func TestGradientsMatchReference(t *testing.T) {
	// Of the gradients' global norm. Both sides compute in float64 (1e-16) and
	// add some thousand terms in different orders.
	const tolerance = 1e-12
	r := readReference(t)
	parameters := r.config.Network.Architecture().Parameters()
	s, exec := r.compile(backendtest.Go(t), func(s *Step, in inputs, d draws) []*Node {
		return s.differentiate(in.params, in.buffers, in.batch, d).trained
	})
	gradients := r.call(s, exec, r.state(dtypes.Float64), dtypes.Float64)
	norm := r.float64s("end/losses")[1]
	row := parity.Row{Component: "gradients of all parameters, float64", Against: r.against, On: "go", Unit: "of their norm", Tolerance: tolerance}
	for i, p := range parameters {
		difference, value := largest(gradients[i], r.float64s("gradients/"+p.Name))
		if !(difference <= tolerance*norm) {
			t.Errorf("%s: gradient differs by %g, its largest value is %g", p.Name, difference, value)
		}
		row.Add(difference, norm)
	}
	row.Report(t)
}

// After five steps with the reference's draws every parameter is the
// reference's: AdamW, layer-wise rates, both warm-ups ending, annealing that
// drops masks, clipping.
func TestFiveStepsMatchReference(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		// Both sides compute in float64 (1e-16); seen are 1e-14.
		fiveSteps(t, b, dtypes.Float64, 1e-8, func(*StepConfig) {})
	})
}

// In float32, as training runs, rounding is what remains. Adam divides a gradient
// by its own size, so where one is near 0 rounding can move a parameter by a good
// part of its rate, 1e-3, a step; seen are 5e-6.
func TestFiveStepsInFloat32(t *testing.T) {
	fiveSteps(t, backendtest.Go(t), dtypes.Float32, 1e-4, func(*StepConfig) {})
}

func fiveSteps(t *testing.T, b compute.Backend, dtype dtypes.DType, tolerance float64, change func(*StepConfig)) {
	t.Helper()
	r := readReference(t)
	change(&r.config)
	parameters := r.config.Network.Architecture().Parameters()
	s, exec := r.compile(b, (*Step).advance)
	state := r.state(dtype)
	n := len(parameters)
	for step := range referenceSteps {
		out := r.call(s, exec, state, dtype)
		l := unpack(tensors.MustCopyFlatData[float64](s.storeOutputs(state, out)[0]))
		state.Step++
		want := r.float64s("end/losses")[2*step:]
		if !(math.Abs(l.Total-want[0]) <= tolerance*want[0]) || !(math.Abs(l.GradientNorm-want[1]) <= tolerance*want[1]) {
			t.Errorf("step %d: loss %v, gradient norm %v, want %v and %v", step, l.Total, l.GradientNorm, want[0], want[1])
		}
	}
	row := parity.Row{Component: "all parameters after five training steps, " + strings.ToLower(dtype.String()), Against: r.against,
		Unit: "of the tensor's largest value", Tolerance: tolerance, AbsoluteTolerance: true}
	if dtype == dtypes.Float32 || r.config.Remat == model.RematBlocks {
		row.On = "go"
	}
	if r.config.Remat == model.RematBlocks {
		row.Component += ", blocks rematerialised"
	}
	var worst float64
	var where string
	for i, p := range parameters {
		difference, value := largest(state.Params[i], r.float64s("end/param/"+p.Name))
		row.Add(difference, value)
		if !(difference <= tolerance) {
			t.Errorf("%s differs by %g", p.Name, difference)
		}
		if difference > worst {
			worst, where = difference, p.Name
		}
	}
	t.Logf("%d parameters, the largest difference in %s", n, where)
	row.Report(t)
}
