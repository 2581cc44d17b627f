package model

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
	"eomt/internal/backend/backendtest"
	"eomt/internal/parity"
)

// ladderTolerance is the largest difference to the references' float64, of the largest
// value of the tensor: both sides add up to some thousand products in different orders,
// layer after layer. Seen are up to 1e-13.
const ladderTolerance = 1e-10

// directions is the number of directions along which a gradient is compared.
const directions = 4

// values are fixed numbers in [-1, 1) for a name and a seed, as scripts/goldens/ladder.py
// computes them.
func values(name, seed string, count int) []float64 {
	h := fnv.New32a()
	h.Write([]byte(name + "#" + seed))
	list := make([]float64, count)
	for i := range list {
		x := uint32(i)*0x9E3779B1 + h.Sum32()
		x ^= x >> 16
		x *= 0x85EBCA6B
		x ^= x >> 13
		x *= 0xC2B2AE35
		x ^= x >> 16
		list[i] = float64(x)/(1<<31) - 1
	}
	return list
}

// ladderValue is the value of a parameter or running value in the reference.
func ladderValue(t arch.Tensor, seed string) *tensors.Tensor {
	size := 1
	for _, d := range t.Shape {
		size *= d
	}
	list := values(t.Name, seed, size)
	for i, v := range list {
		switch {
		case strings.HasSuffix(t.Name, "running_mean"):
			list[i] = 0.1 * v
		case strings.HasSuffix(t.Name, "running_var"):
			list[i] = 1.3 + 0.5*v
		case strings.HasSuffix(t.Name, "gamma"):
			list[i] = 0.5 + 0.17*v
		case strings.HasSuffix(t.Name, "weight") && len(t.Shape) == 1:
			list[i] = 1 + 0.17*v
		case strings.HasSuffix(t.Name, "weight"):
			list[i] = 0.34 * v
		default:
			list[i] = 0.17 * v
		}
	}
	return tensors.FromFlatDataAndDimensions(list, t.Shape...)
}

// reference is a file that scripts/goldens/ladder.py wrote.
type reference struct {
	tensors map[string]tensor.Tensor
	a       arch.Architecture
	seed    string
}

func readLadder(t *testing.T, name string) reference {
	t.Helper()
	file, err := safetensors.Open(filepath.Join(parity.Folder("model"), "ladder", name+".safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	r := reference{tensors: tensor.ByName(file.Tensors), seed: file.Metadata["seed"]}
	if err := json.Unmarshal([]byte(file.Metadata["architecture"]), &r.a); err != nil {
		t.Fatal(err)
	}
	return r
}

// at is a tensor of the file.
func (r reference) at(t *testing.T, name string) []float64 {
	t.Helper()
	stored, ok := r.tensors[name]
	if !ok {
		t.Fatalf("no tensor %s in the file", name)
	}
	list, err := stored.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// outputs builds the graph of a reference's network on parameters, buffers and
// pixels [B, 3, H, W], and names its outputs as the file does; in training also the next
// running values and the gradients of the file's weighted sum of predictions.
func (r reference) outputs(in []*Node, training bool) (names []string, out []*Node) {
	a := r.a
	count := len(a.Parameters())
	n := newNet(a, Bind(a, in), TransposeAllAxes(in[len(in)-1], 0, 2, 3, 1), Options{})
	if training {
		n.running = map[string]*Node{}
	}
	add := func(name string, x *Node) { names, out = append(names, name), append(out, x) }
	addMap := func(name string, x *Node) { add("stage/"+name, TransposeAllAxes(x, 0, 3, 1, 2)) }
	var p Predictions
	maps := n.maps(&p, TransposeAllAxes(in[len(in)-1], 0, 2, 3, 1), nil)
	strides := []int{4, 8, 16, 32}
	if len(maps) == 2 {
		strides = []int{4, 16}
	}
	for i, m := range maps {
		addMap(fmt.Sprintf("map.%d", strides[i]), m)
	}
	levels, features := n.decoderInputs(maps)
	if a.HasPixelDecoder() {
		for i, m := range levels {
			addMap(fmt.Sprintf("pixel.%d", 32>>i), m)
		}
		addMap("features", features)
	}
	n.maskDecoder(&p, levels, features, true)
	total := ScalarZero(features.Graph(), features.DType())
	weighted := func(name string, x *Node) *Node {
		add(name, x)
		weights := values(name, r.seed, x.Shape().Size())
		return ReduceAllSum(Mul(x, Const(x.Graph(), tensors.FromFlatDataAndDimensions(weights, x.Shape().Dimensions...))))
	}
	for k, m := range p.Masks {
		total = Add(total, MulScalar(weighted(fmt.Sprintf("mask_logits.%d", k), TransposeAllAxes(m.LogitsBhwQ(), 0, 3, 1, 2)), 0.1))
		total = Add(total, weighted(fmt.Sprintf("class_logits.%d", k), p.ClassLogitsBQC[k]))
	}
	if !training {
		return names, out
	}
	for i, next := range n.buffersNext() {
		add("buffer/"+a.Buffers()[i].Name, next)
	}
	for i, gradient := range Gradient(total, in[:count]...) {
		add("gradient/"+a.Parameters()[i].Name, gradient)
	}
	return names, out
}

// run computes the reference's outputs on its parameters and pixels.
func (r reference) run(t *testing.T, b compute.Backend, training bool) map[string][]float64 {
	t.Helper()
	var names []string
	exec := MustNewExec(b, func(in []*Node) (out []*Node) {
		names, out = r.outputs(in, training)
		return out
	})
	defer exec.Finalize()
	var args []any
	for _, one := range r.a.Tensors() {
		args = append(args, ladderValue(one, r.seed))
	}
	const batch = 2
	pixels := values("pixels", r.seed, batch*3*r.a.ImageH()*r.a.ImageW())
	for i := range pixels {
		pixels[i] *= 1.7
	}
	args = append(args, tensors.FromFlatDataAndDimensions(pixels, batch, 3, r.a.ImageH(), r.a.ImageW()))
	results, err := exec.Call(args...)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string][]float64{}
	for i, name := range names {
		named[name] = tensors.MustCopyFlatData[float64](results[i])
	}
	return named
}

// along is a gradient along the reference's directions.
func (r reference) along(name string, gradient []float64) []float64 {
	sums := make([]float64, directions)
	for k := range sums {
		for i, d := range values(fmt.Sprintf("%s.direction.%d", name, k), r.seed, len(gradient)) {
			sums[k] += gradient[i] * d
		}
	}
	return sums
}

// Networks with a Transformer decoder are the references', stage by stage, in float64:
// maps of pyramid or adapter, levels and features of the pixel decoder, all predictions,
// the next running values, and the gradients of all parameters.
func TestLadderMatchesReferences(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		for _, name := range []string{arch.SingleScaleDecoder, arch.MultiScaleDecoder, arch.ViTMask2Former, arch.ViTAdapterMask2Former} {
			if b != backendtest.Go(t) && !parity.Fresh() {
				continue // XLA takes minutes to compile all with gradients
			}
			t.Run(name, func(t *testing.T) { compareLadder(t, b, name, true) })
		}
		t.Run("inference", func(t *testing.T) { compareLadder(t, b, arch.ViTAdapterMask2Former+"_inference", false) })
	})
}

func compareLadder(t *testing.T, b compute.Backend, name string, training bool) {
	r := readLadder(t, name)
	got := r.run(t, b, training)
	against := "transformers' Mask2Former on a plain ViT"
	if r.a.HasAdapter() {
		against = "the same behind a ViT-Adapter from its description"
	}
	forward := parity.Row{Component: name + ": every stage and prediction, float64", Against: against, Unit: "of the largest value", Tolerance: ladderTolerance}
	backward := parity.Row{Component: name + ": gradients of all parameters, float64", Against: against, Unit: "of the largest value", Tolerance: ladderTolerance}
	compared := 0
	for stored := range r.tensors {
		values, ok := got[stored]
		if !ok {
			t.Errorf("%s is not computed", stored)
			continue
		}
		compared++
		row := &forward
		if parameter, ok := strings.CutPrefix(stored, "gradient/"); ok {
			row = &backward
			values = r.along(parameter, values)
		}
		want := r.at(t, stored)
		largest, scale := 0.0, 0.0
		for i := range want {
			largest, scale = max(largest, math.Abs(values[i]-want[i])), max(scale, math.Abs(want[i]))
		}
		if strings.HasPrefix(stored, "gradient/") {
			scale = max(scale, 1e-3) // where the true gradient is zero
		}
		row.Add(largest, scale)
		if !(largest <= ladderTolerance*scale) {
			t.Errorf("%s differs by %.2g of %.2g", stored, largest, scale)
		}
	}
	if least := 2 * r.a.Predictions(); compared < least {
		t.Errorf("%d tensors compared, at least %d expected", compared, least)
	}
	forward.Report(t)
	if training {
		backward.Report(t)
	}
}

// In float32 the sampling is the reference's within 1e-5 of the largest value: a
// coordinate of 1 is rounded at 6e-8, times the few pixels of a map and their steps.
func TestSamplingInFloat32(t *testing.T) {
	r := readLadder(t, "core")
	var args []any
	for _, name := range []string{"value", "locations", "weights"} {
		args = append(args, tensors.FromFlatDataAndDimensions(narrow(r.at(t, name)), r.tensors[name].Shape...))
	}
	got := tensors.MustCopyFlatData[float32](MustExecOnce(backendtest.Fast(t), func(in []*Node) *Node {
		return samplePoints(in[0], in[1], in[2], []grid{{3, 5}, {2, 2}})
	}, args...))
	want := narrow(r.at(t, "out"))
	largest := 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(float64(v)))
	}
	if d := largestDifference(got, want); !(d <= 1e-5*largest) {
		t.Errorf("differs by %g of %g", d, largest)
	}
}

// The sampling of deformable attention is transformers': points inside, on the rim and
// far outside, forward and the gradients of values, locations and weights.
func TestSamplingMatchesReference(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		r := readLadder(t, "core")
		var args []any
		for _, name := range []string{"value", "locations", "weights"} {
			args = append(args, tensors.FromFlatDataAndDimensions(r.at(t, name), r.tensors[name].Shape...))
		}
		args = append(args, tensors.FromFlatDataAndDimensions(values("out", r.seed, 2*6*2*4), 2, 6, 2, 4))
		results := MustExecOnceN(b, func(in []*Node) []*Node {
			out := samplePoints(in[0], in[1], in[2], []grid{{3, 5}, {2, 2}})
			flat := Reshape(out, 2, 6, 2, 4)
			return append([]*Node{out}, Gradient(ReduceAllSum(Mul(flat, in[3])), in[:3]...)...)
		}, args...)
		row := parity.Row{Component: "deformable attention's sampling and its gradients, float64", Against: "transformers' Mask2Former", Unit: "of the largest value", Tolerance: ladderTolerance}
		for i, name := range []string{"out", "gradient/value", "gradient/locations", "gradient/weights"} {
			got, want := tensors.MustCopyFlatData[float64](results[i]), r.at(t, name)
			largest, scale := 0.0, 0.0
			for k := range want {
				largest, scale = max(largest, math.Abs(got[k]-want[k])), max(scale, math.Abs(want[k]))
			}
			row.Add(largest, scale)
			if !(largest <= ladderTolerance*scale) {
				t.Errorf("%s differs by %.2g of %.2g", name, largest, scale)
			}
		}
		row.Report(t)
	})
}
