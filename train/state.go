package train

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
	"eomt/model"
)

// State is what training changes: parameters and buffers in the network's order, the
// optimiser's slots by name, and the number of finished steps. Its tensors belong to
// the step that runs on it: each run consumes and replaces them.
type State struct {
	Step    int
	Params  []*tensors.Tensor
	Slots   map[string][]*tensors.Tensor // in the order of the parameters, nil if frozen; a device's part of them if they are shared out
	Buffers []*tensors.Tensor

	device compute.DeviceNum
	others []*State // the same on the step's further devices
	shards *shards  // of the slots, if the devices share them out
	placed *Step    // whose devices these are
}

// NewState starts from the given values, which are read one at a time; parameters
// without one are initialised randomly from seed. The first step that runs on the
// state adds the optimiser's slots. dtype is that of training, Float32 or Float64
// (for comparisons).
func NewState(a arch.Architecture, values map[string]tensor.Tensor, seed uint64, dtype dtypes.DType) (*State, error) {
	s := &State{}
	for _, p := range a.Parameters() {
		one, err := startTensor(values, p.Name, p.Shape, dtype, func() []float32 { return p.Initialize(seed) })
		if err != nil {
			return nil, err
		}
		s.Params = append(s.Params, one)
	}
	for _, b := range a.Buffers() {
		one, err := startTensor(values, b.Name, b.Shape, dtype, func() []float32 { return slices.Repeat([]float32{b.Start}, b.Size()) })
		if err != nil {
			return nil, err
		}
		s.Buffers = append(s.Buffers, one)
	}
	return s, nil
}

// startTensor reads a given value, or draws one if none is given.
func startTensor(values map[string]tensor.Tensor, name string, shape []int, dtype dtypes.DType, draw func() []float32) (*tensors.Tensor, error) {
	given, ok := values[name]
	if !ok {
		return toTensor(draw(), shape, dtype), nil
	}
	if !slices.Equal(given.Shape, shape) {
		return nil, fmt.Errorf("train: parameter %s: shape %v given, want %v", name, given.Shape, shape)
	}
	v, err := given.Float32s()
	if err != nil {
		return nil, fmt.Errorf("train: parameter %s: %w", name, err)
	}
	return toTensor(v, shape, dtype), nil
}

// Values are the tensors that inference reads, in the order of the architecture's Tensors.
func (s *State) Values() []*tensors.Tensor { return slices.Concat(s.Params, s.Buffers) }

// prepare gives the state the optimiser's slots: missing ones start, and those of
// frozen parameters are freed. Slots of another optimiser are an error, since their
// values would be lost.
func (s *Step) prepare(state *State) error {
	for name := range state.Slots {
		switch {
		case slices.Contains(s.optimizer.Slots(), name):
		case name == checkpoints.AverageSlot:
			return fmt.Errorf("train: the state has moving averages of its parameters, which train.ema 0 would lose: set train.ema, or start another run from them (weights)")
		default:
			return fmt.Errorf("train: the state has optimizer slot %q, which this optimizer does not keep", name)
		}
	}
	slots := map[string][]*tensors.Tensor{}
	for _, name := range s.optimizer.Slots() {
		slots[name] = make([]*tensors.Tensor, len(state.Params))
		copy(slots[name], state.Slots[name])
		for i, p := range state.Params {
			switch {
			case s.groups[i].Frozen:
				slots[name][i] = nil
			case slots[name][i] != nil:
			case name == checkpoints.AverageSlot:
				average, err := p.Clone()
				if err != nil {
					return fmt.Errorf("train: start of a moving average: %w", err)
				}
				slots[name][i] = average
			default:
				slots[name][i] = tensors.FromShape(p.Shape())
			}
		}
	}
	state.Slots = slots
	return nil
}

func toTensor(values []float32, shape []int, dtype dtypes.DType) *tensors.Tensor {
	if dtype != dtypes.Float64 {
		return tensors.FromFlatDataAndDimensions(values, shape...)
	}
	converted := make([]float64, len(values))
	for i, v := range values {
		converted[i] = float64(v)
	}
	return tensors.FromFlatDataAndDimensions(converted, shape...)
}

// snapshot is a view of the state as a checkpoint; tensors are copied from the device
// one at a time when they are written.
func (s *State) snapshot(a arch.Architecture, state checkpoints.State) checkpoints.Snapshot {
	state.Step = s.Step
	all := a.Tensors()
	snapshot := checkpoints.Snapshot{State: state, Params: stored(all, s.Values(), nil), Slots: map[string][]tensor.Tensor{}}
	for name, values := range s.Slots {
		snapshot.Slots[name] = stored(all, values, func(i int) ([]byte, error) { return s.slotBytes(name, i) })
	}
	return snapshot
}

// stored is a view of the non-nil values, in the order of parameters. read, if not nil,
// gives the raw values of each.
func stored(parameters []arch.Tensor, values []*tensors.Tensor, read func(i int) ([]byte, error)) []tensor.Tensor {
	if read == nil {
		read = func(i int) ([]byte, error) { return hostBytes(values[i]) }
	}
	var out []tensor.Tensor
	for i, value := range values {
		if value == nil {
			continue
		}
		p := parameters[i]
		out = append(out, tensor.Lazy(p.Name, tensor.Float32, p.Shape, func() ([]byte, error) { return read(i) }))
	}
	return out
}

// hostBytes is a copy of a tensor's raw values.
func hostBytes(t *tensors.Tensor) (data []byte, err error) {
	err = model.HostBytes(t, func(raw []byte) { data = bytes.Clone(raw) })
	return data, err
}

// Restore reads the state from a checkpoint of this network; it fails with an
// [arch.IncompatibleError] or a [checkpoints.MismatchError] if the checkpoint is
// another network's. Frozen parameters have no slots in a checkpoint.
func Restore(a arch.Architecture, snapshot checkpoints.Snapshot) (*State, error) {
	if saved := snapshot.State.Architecture; saved != nil {
		if err := a.Compatible(*saved, nil); err != nil {
			return nil, err
		}
	}
	s := &State{Step: snapshot.State.Step, Slots: map[string][]*tensors.Tensor{}}
	values, err := restored(a.Tensors(), snapshot.Params)
	if err != nil {
		return nil, err
	}
	n := len(a.Parameters())
	s.Params, s.Buffers = values[:n:n], values[n:]
	for name, slot := range snapshot.Slots {
		index := tensor.ByName(slot)
		have := slices.DeleteFunc(a.Tensors()[:n:n], func(t arch.Tensor) bool { _, ok := index[t.Name]; return !ok })
		values, err := restored(have, slot)
		if err != nil {
			return nil, fmt.Errorf("optimizer slot %s: %w", name, err)
		}
		s.Slots[name] = make([]*tensors.Tensor, n)
		for i, p := range a.Tensors()[:n] {
			if len(have) > 0 && have[0].Name == p.Name {
				s.Slots[name][i] = values[0]
				have, values = have[1:], values[1:]
			}
		}
	}
	return s, nil
}

// restored turns a file's tensors into the wanted ones, in the wanted order.
func restored(want []arch.Tensor, from []tensor.Tensor) ([]*tensors.Tensor, error) {
	matched, _, err := checkpoints.Match(want, from, nil)
	if err != nil {
		return nil, err
	}
	return model.Load(want, func(i int, dst []float32) error { return matched[i].ReadFloat32s(dst) })
}
