package train

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/support/exceptions"

	"eomt/data"
	"eomt/losses"
	"eomt/model"
)

// Step is the compiled training step of one model: batch in, losses out, the
// state moved on by one update. It compiles once for each padded target count.
type Step struct {
	config   StepConfig
	groups   []Group
	schedule Schedule
	backend  compute.Backend
	exec     *Exec
}

// StepConfig is what a step is compiled from.
type StepConfig struct {
	Network   model.Network
	Loss      losses.Config
	Optimizer Optimizer
	Rates     Rates
	Schedule  Schedule
	BatchSize int
	Seed      uint64
	MatMul    dtypes.DType // operands of matrix products; 0 is the parameters' dtype
}

// Losses are a step's results on the host.
type Losses struct {
	Total        float64
	Mask         []float64 // [L+1] binary cross-entropy of each prediction, unweighted
	Dice         []float64
	Class        []float64
	GradientNorm float64 // before clipping
	Matched      float64 // matched targets of the final prediction in the batch
}

// Finite reports whether the update that gave these losses can be trusted.
func (l Losses) Finite() bool {
	for _, x := range []float64{l.Total, l.GradientNorm} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}

// The step's inputs after the state, in order.
const (
	inScalars = iota // [5]: see scalars
	inMaskProbs
	inRandom
	inImages
	inMasks
	inClasses
	inValid
)

// NewStep prepares the step; it is compiled when the first batch of a bucket arrives.
func NewStep(b compute.Backend, c StepConfig) (*Step, error) {
	s := &Step{config: c, backend: b, groups: Groups(c.Network.Architecture(), c.Rates), schedule: c.Schedule}
	exec, err := NewExec(b, s.graph)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	// One program for each bucket.
	s.exec = exec.WithName("train step").SetMaxCache(len(data.Buckets))
	return s, nil
}

// graph builds the whole step: state and batch in, next state and losses out.
func (s *Step) graph(in []*Node) []*Node {
	return s.advance(in, s.draw(in[3*len(s.groups):], in[0].DType()))
}

// draws are all of a step's random numbers. Everything else in a step follows
// from its inputs, so that with another implementation's draws in their place
// the two can be compared.
type draws struct {
	masksLBQ *Node           // [L, B, Q]: see [model.Masking]
	points   []losses.Points // of each prediction
}

// draw draws them from the step's random state. Points are hashed from the state
// that the host gave: of the one that a generator leaves, the Go backend does not
// set all words, so that runs would differ.
func (s *Step) draw(rest []*Node, dtype dtypes.DType) draws {
	a := s.config.Network.Architecture()
	dims := rest[inValid].Shape().Dimensions
	_, masks := RandomUniform(rest[inRandom], shapes.Make(dtype, a.MaskBlocks, dims[0], a.Queries))
	return draws{masksLBQ: masks, points: losses.DrawPoints(s.config.Loss, rest[inRandom], a.Predictions(), dims[0], dims[1], dtype)}
}

// advance is the step with given draws.
func (s *Step) advance(in []*Node, d draws) []*Node {
	n := len(s.groups)
	params, first, second, rest := in[:n], in[n:2*n], in[2*n:3*n], in[3*n:]
	total, terms := s.loss(params, rest, d)
	gradients := Gradient(total, params...)
	norm := globalNorm(gradients)
	gradients = s.config.Optimizer.clip(gradients, norm)
	scalar := func(i int) *Node { return Reshape(SliceAxis(rest[inScalars], 0, AxisElem(i))) }
	r := rates{backbone: scalar(0), head: scalar(1), correction1: scalar(2), correction2: scalar(3)}
	out := make([]*Node, 3*n, 3*n+1)
	for i := range n {
		out[i], out[n+i], out[2*n+i] = s.config.Optimizer.update(params[i], gradients[i], first[i], second[i], s.groups[i], r)
	}
	return append(out, s.pack(total, norm, terms))
}

// loss is the forward pass and the criterion on one batch.
func (s *Step) loss(params, rest []*Node, d draws) (*Node, losses.Terms) {
	network := s.config.Network
	a, dtype := network.Architecture(), params[0].DType()
	predictions := network.Forward(model.Bind(a, params), model.Normalize(rest[inImages], dtype), model.Options{
		Masking:   &model.Masking{ProbsL: rest[inMaskProbs], DrawsLBQ: d.masksLBQ},
		Training:  true,
		MatMul:    s.config.MatMul,
		RopeScale: Reshape(SliceAxis(rest[inScalars], 0, AxisElem(4))),
	})
	matched := MaxScalar(ConvertDType(losses.MatchedMasks(rest[inValid], a.Queries), dtype), 1)
	return losses.CriterionAt(s.config.Loss, predictions.MaskLogitsBhwQ, predictions.ClassLogitsBQC, losses.Targets{
		PlanesBHWW: rest[inMasks], ClassesBM: rest[inClasses], ValidBM: rest[inValid],
	}, d.points, matched)
}

// pack puts all numbers of a step into one vector, so that one transfer brings them.
func (s *Step) pack(total, norm *Node, r losses.Terms) *Node {
	values := []*Node{total, norm, r.Matched}
	for i := range r.Mask {
		values = append(values, r.Mask[i], r.Dice[i], r.Class[i])
	}
	for i, v := range values {
		values[i] = ConvertDType(v, dtypes.Float64)
	}
	return Stack(values, 0)
}

func unpack(values []float64) Losses {
	l := Losses{Total: values[0], GradientNorm: values[1], Matched: values[2]}
	for i := 3; i < len(values); i += 3 {
		l.Mask = append(l.Mask, values[i])
		l.Dice = append(l.Dice, values[i+1])
		l.Class = append(l.Class, values[i+2])
	}
	return l
}

// Run does step state.Step on batch: it replaces the state's tensors by the next
// ones and returns the losses before the update. On an error the state is lost
// and the run must go back to a checkpoint.
func (s *Step) Run(state *State, batch *data.Batch) (l Losses, err error) {
	args, err := s.arguments(state, batch)
	if err != nil {
		return Losses{}, err
	}
	var out []*tensors.Tensor
	if panicked := exceptions.TryCatch[error](func() { out, err = s.exec.Call(args...) }); panicked != nil {
		err = panicked
	}
	if err != nil {
		return Losses{}, fmt.Errorf("train: step %d: %w", state.Step, err)
	}
	n := len(s.groups)
	state.Params, state.First, state.Second = out[:n:n], out[n:2*n:2*n], out[2*n:3*n:3*n]
	state.Step++
	values, err := tensors.CopyFlatData[float64](out[3*n])
	if err != nil {
		return Losses{}, fmt.Errorf("train: step %d: losses: %w", state.Step-1, err)
	}
	return unpack(values), out[3*n].FinalizeAll()
}

// arguments lists the step's inputs; the state's buffers are given away, so that
// the next state takes their place in memory.
func (s *Step) arguments(state *State, b *data.Batch) ([]any, error) {
	a := s.config.Network.Architecture()
	if b.H != a.ImageH() || b.W != a.ImageW() {
		return nil, fmt.Errorf("train: batch images are %dx%d, the model takes %dx%d", b.W, b.H, a.ImageW(), a.ImageH())
	}
	dtype := state.Params[0].DType() // before the tensors are given away
	var args []any
	for _, part := range [][]*tensors.Tensor{state.Params, state.First, state.Second} {
		for _, t := range part {
			donated, err := DonateTensorBuffer(t, s.backend, 0)
			if err != nil {
				return nil, fmt.Errorf("train: step %d: %w", state.Step, err)
			}
			args = append(args, donated)
		}
	}
	words := len(b.Masks) / (b.B * b.H * b.W)
	return append(args,
		vector(s.scalars(state.Step), dtype),
		vector(s.maskProbs(state.Step), dtype),
		randomState(s.config.Seed, state.Step),
		tensors.FromFlatDataAndDimensions(b.Images, b.B, b.H, b.W, 3),
		tensors.FromFlatDataAndDimensions(b.Masks, b.B, b.H, b.W, words),
		tensors.FromFlatDataAndDimensions(b.Classes, b.B, b.M),
		tensors.FromFlatDataAndDimensions(b.Valid, b.B, b.M),
	), nil
}

// scalars are the backbone's and the heads' learning rate, AdamW's two bias
// corrections, and the rotary rescale.
func (s *Step) scalars(t int) []float64 {
	base, n := s.config.Rates.Base, float64(t+1)
	return []float64{
		base * s.schedule.BackboneRate(t),
		base * s.schedule.HeadRate(t),
		1 - math.Pow(beta1, n),
		1 - math.Pow(beta2, n),
		ropeRescale(s.config.Seed, t),
	}
}

// maskProbs are the schedule's, or 0 throughout where nothing is annealed.
func (s *Step) maskProbs(t int) []float64 {
	if probs := s.schedule.MaskProbs(t); len(probs) > 0 {
		return probs
	}
	return make([]float64, s.config.Network.Architecture().MaskBlocks)
}

// randomState is the graph's random state of one step: it follows from seed and
// step alone, so a resumed run draws what an uninterrupted one would.
func randomState(seed uint64, step int) *tensors.Tensor {
	rng := rand.New(rand.NewPCG(seed, uint64(step)))
	return tensors.FromFlatDataAndDimensions([]uint64{rng.Uint64(), rng.Uint64(), rng.Uint64()}, 3)
}

// ropeRescale is DINOv3's augmentation of a step: a factor on rotary coordinates,
// log-uniform in [1/2, 2] (rescale 2).
func ropeRescale(seed uint64, step int) float64 {
	rng := rand.New(rand.NewPCG(seed^0x526f5045, uint64(step)))
	return math.Pow(2, 2*rng.Float64()-1)
}

func vector(values []float64, dtype dtypes.DType) *tensors.Tensor {
	if dtype == dtypes.Float64 {
		return tensors.FromFlatDataAndDimensions(values, len(values))
	}
	narrow := make([]float32, len(values))
	for i, v := range values {
		narrow[i] = float32(v)
	}
	return tensors.FromFlatDataAndDimensions(narrow, len(narrow))
}
