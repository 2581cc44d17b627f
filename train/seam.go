package train

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/data"
)

// A global batch that is split into shares takes three stages: [Step.Gradients] of
// each share, their sum ([Step.Add]; over devices and hosts in Update), and one [Step.Update]. Losses and gradients of a share are divided by the global batch's
// normalizers, so that they only need to be summed.

// parts are the programs of the step's parts.
type parts struct{ gradients, add, sum, update *Exec }

// Share is a part of a global batch.
type Share struct {
	Batch *data.Batch
	First int // index of its first image in the global batch
	By    Normalizers
}

// Normalizers are the divisors of a global batch's losses. Those of shares add up
// ([Normalizers.Add]).
type Normalizers struct {
	Matched      float64 // matched masks
	ClassWeights float64 // sum over all queries of the class loss's weights
}

// normalizers are a share's as inputs of the gradients.
func (share Share) normalizers(dtype dtypes.DType) []any {
	return []any{scalar(max(share.By.Matched, 1), dtype), scalar(share.By.ClassWeights, dtype)}
}

// Gradients are the sum of some shares' gradients and losses: on each device, of the
// images that it had.
type Gradients struct {
	Trained [][]*tensors.Tensor // by device, of the trained parameters in order
	Losses  Losses              // without GradientNorm
	before  [][]*tensors.Tensor // by device, the state's buffers before the first share
}

// Normalizers of a batch: every target is matched, up to the number of queries.
func (s *Step) Normalizers(b *data.Batch) (n Normalizers) {
	queries := s.config.Network.Architecture().Queries
	for image := range slices.Chunk(b.Valid, b.M) {
		matched := 0
		for _, valid := range image {
			if valid {
				matched++
			}
		}
		matched = min(matched, queries)
		n.Matched += float64(matched)
		n.ClassWeights += float64(matched) + s.config.Loss.NoObject*float64(queries-matched)
	}
	return n
}

// Add returns the normalizers of both shares together.
func (n Normalizers) Add(m Normalizers) Normalizers {
	return Normalizers{n.Matched + m.Matched, n.ClassWeights + m.ClassWeights}
}

func (s *Step) prepareParts() (err error) {
	s.parts.gradients, err = s.compiled("train gradients", s.gradientsGraph)
	if err == nil {
		s.parts.add, err = s.compiled("train add", addGraph)
	}
	if err == nil {
		s.parts.sum, err = s.compiled("train sum", s.summed)
	}
	distribute := s.replicated
	if s.sharded() {
		distribute = s.partitioned
	}
	if err == nil {
		s.parts.update, err = s.compiledAs("train update", s.updateGraph, distribute)
	}
	return err
}

func (s *Step) gradientsGraph(in []*Node) []*Node {
	params, in := in[:len(s.groups)], in[len(s.groups):]
	n := len(s.config.Network.Architecture().Buffers())
	buffers, in := in[:n], in[n:]
	g := s.differentiate(params, buffers, in, s.draw(in, params[0].DType()))
	return append(append(g.trained, g.buffers...), pack(g.total, g.terms, ScalarZero(g.total.Graph(), dtypes.Float64)))
}

func addGraph(in []*Node) []*Node {
	half := len(in) / 2
	sum := make([]*Node, half)
	for i := range sum {
		sum[i] = Add(in[i], in[half+i])
	}
	return sum
}

func (s *Step) updateGraph(in []*Node) []*Node {
	n := len(s.trained)
	params, in := in[:n], in[n:]
	var slots [][]*Node
	for range s.optimizer.Slots() {
		slots, in = append(slots, in[:n]), in[n:]
	}
	before := slices.Concat(params, slices.Concat(slots...))
	next, slots, norm := s.update(params, slots, in[:n], in[n])
	out := where(IsFinite(norm), slices.Concat(next, slices.Concat(slots...)), before)
	return append(out, ConvertDType(norm, dtypes.Float64))
}

// Gradients computes the gradients of one share at the state's step. The state's
// parameters are unchanged; its buffers are updated by each share in turn, until Update
// finds that the step is not finite.
func (s *Step) Gradients(state *State, share Share) (*Gradients, error) {
	if err := s.Place(state); err != nil {
		return nil, err
	}
	shares, err := s.onDevices(share)
	if err != nil {
		return nil, fmt.Errorf("train: gradients of step %d: %w", state.Step, err)
	}
	dtype := state.Params[0].DType()
	var args []any
	for d, share := range shares {
		batch, err := s.batchArguments(state.Step, share.Batch, share.First, dtype)
		if err != nil {
			return nil, err
		}
		for _, t := range state.on(d).Values() {
			args = append(args, t)
		}
		args = append(append(args, batch...), share.normalizers(dtype)...)
	}
	out, err := s.call(s.parts.gradients, args)
	if err != nil {
		return nil, fmt.Errorf("train: gradients of step %d: %w", state.Step, err)
	}
	g, n := &Gradients{}, len(s.trained)
	var packed []*tensors.Tensor
	for d, out := range s.byDevice(out) {
		g.Trained = append(g.Trained, out[:n:n])
		g.before = append(g.before, state.on(d).Buffers)
		state.on(d).Buffers = out[n : len(out)-1]
		packed = append(packed, out[len(out)-1])
	}
	if g.Losses, err = lossesOf(packed); err != nil {
		return nil, fmt.Errorf("train: gradients of step %d: losses: %w", state.Step, err)
	}
	return g, nil
}

// Add adds g, which is consumed, to sum.
func (s *Step) Add(sum, g *Gradients) error {
	both := make([][]*tensors.Tensor, len(s.devices))
	for d := range both {
		both[d] = slices.Concat(sum.Trained[d], g.Trained[d])
	}
	out, err := s.consume(s.parts.add, both)
	if err != nil {
		return fmt.Errorf("train: add gradients: %w", err)
	}
	sum.Trained = out
	sum.Losses.add(g.Losses)
	return freed(g.before)
}

// freed frees tensors by device.
func freed(byDevice [][]*tensors.Tensor) error {
	for _, list := range byDevice {
		for _, t := range list {
			if err := t.FinalizeAll(); err != nil {
				return fmt.Errorf("train: free replaced tensors: %w", err)
			}
		}
	}
	return nil
}

// settle keeps the state's buffers and completes the step, or brings back those before
// the step where the losses are not finite.
func (s *Step) settle(state *State, g *Gradients, l Losses) error {
	if l.Finite() {
		state.Step++
		return freed(g.before)
	}
	var advanced [][]*tensors.Tensor
	for d, before := range g.before {
		advanced = append(advanced, state.on(d).Buffers)
		state.on(d).Buffers = before
	}
	return freed(advanced)
}

// sum adds up what the devices have of g: all have the sum then.
func (s *Step) sum(g *Gradients) (err error) {
	if s.mesh == nil {
		return nil
	}
	if g.Trained, err = s.consume(s.parts.sum, g.Trained); err != nil {
		return fmt.Errorf("train: sum of the devices' gradients: %w", err)
	}
	return nil
}

// consume runs a program on tensors by device, whose buffers it donates.
func (s *Step) consume(exec *Exec, byDevice [][]*tensors.Tensor) ([][]*tensors.Tensor, error) {
	var args []any
	for d, list := range byDevice {
		first := len(args)
		for _, t := range list {
			args = append(args, t)
		}
		if err := s.donate(args[first:], s.devices[d]); err != nil {
			return nil, err
		}
	}
	out, err := s.call(exec, args)
	if err != nil {
		return nil, err
	}
	return s.byDevice(out), nil
}

// Update applies the gradients of a whole global batch, which are consumed, and
// completes the state's step. If losses or gradients are not finite, the state is as
// before the gradients. On an error the state is lost.
func (s *Step) Update(state *State, g *Gradients) (Losses, error) {
	err := s.Place(state)
	if err == nil {
		err = s.sumLosses(g)
	}
	if err != nil {
		return Losses{}, err
	}
	if !isFinite(g.Losses.Total) {
		losses := g.Losses
		losses.GradientNorm = math.NaN()
		return losses, s.settle(state, g, losses)
	}
	if err = s.sum(g); err == nil {
		err = s.sumHosts(state, g)
	}
	if err != nil {
		return Losses{}, err
	}
	dtype := state.Params[0].DType()
	var args []any
	for d := range s.devices {
		own, err := s.updateArguments(state.on(d), g.Trained[d])
		if err != nil {
			return Losses{}, err
		}
		args = append(append(args, own...), vector(s.updateScalars(state.Step), dtype))
	}
	out, err := s.call(s.parts.update, args)
	if err != nil {
		return Losses{}, fmt.Errorf("train: update of step %d: %w", state.Step, err)
	}
	losses := g.Losses
	for d, out := range s.byDevice(out) {
		if losses.GradientNorm, err = s.updated(state.on(d), out); err != nil {
			return Losses{}, fmt.Errorf("train: update of step %d: %w", state.Step, err)
		}
	}
	return losses, s.settle(state, g, losses)
}

// updateArguments are the inputs of the update on one device, with its gradients.
func (s *Step) updateArguments(state *State, gradients []*tensors.Tensor) ([]any, error) {
	var args []any
	for _, i := range s.trained {
		args = append(args, state.Params[i])
	}
	args = append(args, s.slotArguments(state)...)
	for _, t := range gradients {
		args = append(args, t)
	}
	return args, s.donate(args, state.device)
}

// updated stores the outputs of the update on one device, and returns the gradient norm.
func (s *Step) updated(state *State, out []*tensors.Tensor) (float64, error) {
	buffers := state.Buffers
	state.Buffers = nil // the update does not touch them
	norm := s.storeOutputs(state, out)[0]
	state.Buffers = buffers
	values, err := tensors.CopyFlatData[float64](norm)
	if err != nil {
		return 0, err
	}
	return values[0], norm.FinalizeAll()
}
