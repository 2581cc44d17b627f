package train

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
	"eomt/model"
)

// State is what training changes: parameters and AdamW's moments, in the order
// of the model's parameters, and the count of finished steps. Its tensors belong
// to the step that runs on it: each run consumes them and puts new ones.
type State struct {
	Step          int
	Params        []*tensors.Tensor
	First, Second []*tensors.Tensor
}

// NewState starts from the given values, or where values has none for a name
// (or is nil) from the parameter's random initialisation for seed. dtype is that
// of training, Float32 or Float64 (for comparisons).
func NewState(a arch.Architecture, values map[string][]float32, seed uint64, dtype dtypes.DType) (*State, error) {
	parameters := a.Parameters()
	s := &State{
		Params: make([]*tensors.Tensor, len(parameters)),
		First:  make([]*tensors.Tensor, len(parameters)),
		Second: make([]*tensors.Tensor, len(parameters)),
	}
	for i, p := range parameters {
		v, ok := values[p.Name]
		if !ok {
			v = p.Initialize(seed)
		}
		if len(v) != p.Size() {
			return nil, fmt.Errorf("train: parameter %s: %d values for shape %v", p.Name, len(v), p.Shape)
		}
		s.Params[i] = toTensor(v, p.Shape, dtype)
		s.First[i] = toTensor(make([]float32, len(v)), p.Shape, dtype)
		s.Second[i] = toTensor(make([]float32, len(v)), p.Shape, dtype)
	}
	return s, nil
}

func toTensor(values []float32, shape []int, dtype dtypes.DType) *tensors.Tensor {
	if dtype != dtypes.Float64 {
		return tensors.FromFlatDataAndDimensions(values, shape...)
	}
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return tensors.FromFlatDataAndDimensions(wide, shape...)
}

// The optimizer's slots in checkpoints.
const (
	firstSlot  = "first"
	secondSlot = "second"
)

// snapshot views the state as a checkpoint of a model; the tensors are copied
// from the device one at a time, when they are written.
func (s *State) snapshot(a arch.Architecture, state checkpoints.State) checkpoints.Snapshot {
	state.Step = s.Step
	parameters := a.Tensors()
	return checkpoints.Snapshot{State: state,
		Params: stored(parameters, s.Params),
		Slots:  map[string][]tensor.Tensor{firstSlot: stored(parameters, s.First), secondSlot: stored(parameters, s.Second)}}
}

func stored(parameters []arch.Tensor, values []*tensors.Tensor) []tensor.Tensor {
	out := make([]tensor.Tensor, len(parameters))
	for i, p := range parameters {
		value := values[i]
		out[i] = tensor.Lazy(p.Name, tensor.Float32, p.Shape, func() ([]byte, error) {
			data := make([]byte, 0, value.ByteSize())
			err := value.ConstBytes(func(raw []byte) { data = append(data, raw...) })
			// The copy that reading made on the host would hold the memory of
			// the whole state until the next step.
			if value.IsOnAnyDevice() && !value.IsShared() {
				value.FinalizeLocal()
			}
			return data, err
		})
	}
	return out
}

// Restore reads the state of a checkpoint of this network; it fails with an
// [arch.IncompatibleError] or a [checkpoints.MismatchError] where the checkpoint is
// another network's.
func Restore(a arch.Architecture, snapshot checkpoints.Snapshot) (*State, error) {
	if saved := snapshot.State.Architecture; saved != nil {
		if err := a.Compatible(*saved, nil); err != nil {
			return nil, err
		}
	}
	for slot := range snapshot.Slots {
		if slot != firstSlot && slot != secondSlot {
			return nil, fmt.Errorf("train: restore: the checkpoint has optimizer slot %q, which this optimizer does not keep", slot)
		}
	}
	s := &State{Step: snapshot.State.Step}
	for _, part := range []struct {
		from []tensor.Tensor
		to   *[]*tensors.Tensor
	}{{snapshot.Params, &s.Params}, {snapshot.Slots[firstSlot], &s.First}, {snapshot.Slots[secondSlot], &s.Second}} {
		var err error
		if *part.to, err = fromStored(a, part.from); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// fromStored turns a file's tensors into the network's, in their order.
func fromStored(a arch.Architecture, from []tensor.Tensor) ([]*tensors.Tensor, error) {
	matched, _, err := checkpoints.Match(a.Tensors(), from, nil)
	if err != nil {
		return nil, err
	}
	return model.Load(a, func(i int, dst []float32) error { return matched[i].ReadFloat32s(dst) })
}
