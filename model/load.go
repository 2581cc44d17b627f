package model

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
)

// Load makes float32 tensors of the given names and shapes, in that order. read
// fills dst with the values of tensor i in place, so that a large model is never
// held twice.
func Load(want []arch.Tensor, read func(i int, dst []float32) error) ([]*tensors.Tensor, error) {
	var out []*tensors.Tensor
	for i, t := range want {
		one := tensors.FromShape(shapes.Make(dtypes.Float32, t.Shape...))
		var readErr error
		err := tensors.MutableFlatData(one, func(flat []float32) { readErr = read(i, flat) })
		if err := errors.Join(err, readErr); err != nil {
			return nil, fmt.Errorf("model: load %s: %w", t.Name, err)
		}
		out = append(out, one)
	}
	return out, nil
}

// HostBytes calls read with a tensor's raw values. The host copy of a device tensor
// is freed afterwards: the copies of a whole model would otherwise take as much
// memory as the model until its next step.
func HostBytes(t *tensors.Tensor, read func(raw []byte)) error {
	err := t.ConstBytes(read)
	if t.IsOnAnyDevice() && !t.IsShared() {
		t.FinalizeLocal()
	}
	return err
}
