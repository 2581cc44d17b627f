package train

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/data"
	"eomt/model"
)

// Finding is a tensor of a step that holds values which are not finite.
type Finding struct {
	What  string // "parameter q.weight", "tokens after block 3", "loss mask of prediction 0" ...
	Image int    // index of the image in whose forward or backward pass it is; -1 for none, or several
	Bad   int    // values that are not finite
	Of    int    // all values
}

// Replay repeats a step on the state before it and the batch. It returns the step's
// losses and, if they are not finite, the tensors that are not, in the order in which
// they are computed: parameters and slots; then each image's tokens by stage,
// predictions, loss terms, and gradients in the order of parameters. An image is
// computed by itself, with the draws and divisors that it has in the batch; where images
// share batch statistics, all that do are computed together.
func (s *Step) Replay(state *State, batch *data.Batch) (Losses, []Finding, error) {
	losses, err := s.Run(state, batch)
	if err != nil || losses.Finite() {
		return losses, nil, err
	}
	found, err := s.storedNonFinite(state)
	if err != nil {
		return losses, nil, err
	}
	computed, err := s.computedNonFinite(state, batch)
	if err != nil {
		return losses, nil, fmt.Errorf("train: replay of step %d: %w", state.Step, err)
	}
	if found = append(found, computed...); len(found) == 0 {
		found = []Finding{{What: "the gradient norm or a sum over images: every tensor of each image is finite", Image: -1, Bad: 1, Of: 1}}
	}
	return losses, found, nil
}

// storedNonFinite looks at what the step starts from.
func (s *Step) storedNonFinite(state *State) (found []Finding, err error) {
	look := func(kind string, values []*tensors.Tensor) {
		for i, value := range values {
			if value == nil || err != nil {
				continue
			}
			var bad int
			if bad, err = nonFiniteValues(value); bad > 0 {
				name := s.config.Network.Architecture().Tensors()[i].Name
				found = append(found, Finding{What: kind + " " + name, Image: -1, Bad: bad, Of: value.Size()})
			}
		}
	}
	look("parameter", state.Values())
	for _, slot := range s.optimizer.Slots() {
		look("optimiser slot "+slot+" of", state.Slots[slot])
	}
	return found, err
}

// nonFiniteValues counts values of a float tensor that are not finite.
func nonFiniteValues(t *tensors.Tensor) (bad int, err error) {
	if t.DType() == dtypes.Float64 {
		values, err := tensors.CopyFlatData[float64](t)
		return countNonFinite(values), err
	}
	values, err := tensors.CopyFlatData[float32](t)
	return countNonFinite(values), err
}

func countNonFinite[T float32 | float64](values []T) (bad int) {
	for _, v := range values {
		if !isFinite(float64(v)) {
			bad++
		}
	}
	return bad
}

// computedNonFinite looks at what the step computes. What is computed first comes
// first, whichever the image.
func (s *Step) computedNonFinite(state *State, batch *data.Batch) ([]Finding, error) {
	t := &trace{step: s}
	exec, err := NewExec(s.backend, t.graph)
	if err != nil {
		return nil, err
	}
	defer exec.Finalize()
	by := s.Normalizers(batch)
	together := 1
	if len(state.Buffers) > 0 {
		together = batch.B / max(s.config.Accumulate, 1)
	}
	var counts [][]int32 // by image, of each tensor
	for first := 0; first < batch.B; first += together {
		of, err := t.run(exec, state, Share{Batch: part(batch, first, together), First: first, By: by})
		if err != nil {
			return nil, err
		}
		counts = append(counts, of)
	}
	var found []Finding
	for k, name := range t.names {
		for i := range counts {
			image := i
			if together > 1 {
				image = -1
			}
			if bad := counts[i][k]; bad > 0 {
				found = append(found, Finding{What: name, Image: image, Bad: int(bad), Of: t.sizes[k]})
			}
		}
	}
	return found, nil
}

// trace is a graph that counts what is not finite in each of a step's tensors.
type trace struct {
	step  *Step
	names []string // of the tensors, in the order of the counts
	sizes []int
	bad   []*Node // while the graph is built
}

func (t *trace) look(name string, x *Node) {
	t.names, t.sizes = append(t.names, name), append(t.sizes, x.Shape().Size())
	t.bad = append(t.bad, ReduceAllSum(ConvertDType(LogicalNot(IsFinite(x)), dtypes.Int32)))
}

// graph takes the inputs of the gradients and returns the counts as one vector.
func (t *trace) graph(in []*Node) []*Node {
	s := t.step
	t.names, t.sizes, t.bad = nil, nil, nil
	a := s.config.Network.Architecture()
	params, in := in[:len(s.groups)], in[len(s.groups):]
	buffers, in := in[:len(a.Buffers())], in[len(a.Buffers()):]
	d := s.draw(in, params[0].DType())
	t.predictions(s.forward(params, buffers, in, d))
	g := s.differentiate(params, buffers, in, d)
	for i := range g.terms.Mask {
		t.look(fmt.Sprintf("loss mask of prediction %d", i), g.terms.Mask[i])
		t.look(fmt.Sprintf("loss dice of prediction %d", i), g.terms.Dice[i])
		t.look(fmt.Sprintf("loss class of prediction %d", i), g.terms.Class[i])
	}
	for k, i := range s.trained {
		t.look("gradient of "+a.Parameters()[i].Name, g.trained[k])
	}
	return []*Node{Stack(t.bad, 0)}
}

// predictions looks at the forward pass.
func (t *trace) predictions(p model.Predictions) {
	for i, x := range p.StagesBSD {
		name := "tokens after the embedding"
		if i > 0 {
			name = fmt.Sprintf("tokens after block %d", i-1)
		}
		t.look(name, x)
	}
	for i := range p.Masks {
		t.look(fmt.Sprintf("mask logits of prediction %d", i), p.Masks[i].LogitsBhwQ())
		t.look(fmt.Sprintf("class logits of prediction %d", i), p.ClassLogitsBQC[i])
	}
}

// run counts for one share.
func (t *trace) run(exec *Exec, state *State, share Share) ([]int32, error) {
	dtype := state.Params[0].DType()
	batch, err := t.step.batchArguments(state.Step, share.Batch, share.First, dtype)
	if err != nil {
		return nil, err
	}
	var args []any
	for _, v := range state.Values() {
		args = append(args, v)
	}
	out, err := t.step.call(exec, append(append(args, batch...), share.normalizers(dtype)...))
	if err != nil {
		return nil, err
	}
	return tensors.CopyFlatData[int32](out[0])
}
