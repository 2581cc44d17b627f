package weights

import (
	"encoding/binary"
	"math"
	"slices"

	"eomt/arch"
	"eomt/checkpoints/names"
	"eomt/checkpoints/tensor"
)

// Random is a model with the initial weights of training with this seed; each tensor
// is drawn when it is read. All mask probabilities are 0.
func Random(a arch.Architecture, seed uint64) *Model {
	m := &Model{Path: "random values", Format: names.Native, Architecture: a,
		MaskProbs: make([]float32, a.MaskBlocks), files: closers(nil)}
	for _, p := range a.Parameters() {
		m.Tensors = append(m.Tensors, drawn(p.Name, p.Shape, func() []float32 { return p.Initialize(seed) }))
	}
	for _, b := range a.Buffers() {
		m.Tensors = append(m.Tensors, drawn(b.Name, b.Shape, func() []float32 {
			return slices.Repeat([]float32{b.Start}, b.Size())
		}))
	}
	return m
}

// drawn is a float32 tensor whose values are made when it is read.
func drawn(name string, shape []int, values func() []float32) tensor.Tensor {
	return tensor.Streamed(name, tensor.Float32, shape, func(dst []byte) error {
		for i, v := range values() {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
		}
		return nil
	})
}
