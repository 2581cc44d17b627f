package weights

import (
	"fmt"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/resample"
	"eomt/checkpoints/tensor"
)

// Fit gives the model's tensors, as float32, to a network of architecture a. Patch
// and position embedding are resized where their geometry differs. allowNew are
// prefixes of the names that may start from scratch, such as
// [arch.Architecture.HeadNames] for a backbone's weights. Weights that were trained
// as another network are an [arch.IncompatibleError]; what is otherwise missing,
// left over or of another shape is a [checkpoints.MismatchError]. The Loading is m's with Reshaped and Fresh filled in; fresh parameters are not among
// the tensors, which otherwise are in the order of a's Tensors.
func (m *Model) Fit(a arch.Architecture, allowNew []string) ([]tensor.Tensor, Loading, error) {
	if err := a.Compatible(m.Architecture, checkpoints.HasPrefix(allowNew)); err != nil {
		return nil, Loading{}, fmt.Errorf("weights: %s: %w", m.Path, err)
	}
	loading, want := m.Loading, a.Tensors()
	shapes := make(map[string][]int, len(want))
	for _, spec := range want {
		shapes[spec.Name] = spec.Shape
	}
	resized := make([]tensor.Tensor, len(m.Tensors))
	for i, t := range m.Tensors {
		resized[i] = t.AsFloat32()
		switch shape := shapes[t.Name]; {
		case t.Name == arch.PatchWeight && len(shape) == 4 && shape[2] == shape[3] && shape[2] != t.Shape[2]:
			resized[i] = resizedPatch(t, shape[2])
		case t.Name == arch.PosEmbed && len(shape) == 3 && a.Grid != m.Architecture.Grid:
			resized[i] = resizedPosition(t, m.Architecture.Grid, a.Grid)
		default:
			continue
		}
		loading.Reshaped = append(loading.Reshaped, fmt.Sprintf("%s %v -> %v", t.Name, t.Shape, resized[i].Shape))
	}
	matched, fresh, err := checkpoints.Match(want, resized, allowNew)
	if err != nil {
		return nil, Loading{}, fmt.Errorf("weights: fit %s: %w", m.Path, err)
	}
	loading.Fresh = fresh
	return matched, loading, nil
}

// resizedPatch is a patch embedding, [D, 3, from, from], for patches of to pixels.
func resizedPatch(t tensor.Tensor, to int) tensor.Tensor {
	shape := []int{t.Shape[0], t.Shape[1], to, to}
	return computed(t, shape, func(values []float32) ([]float32, error) {
		return resample.PatchEmbed(values, t.Shape[2], to)
	})
}

// resizedPosition is a position embedding, [1, patches, D], for another grid.
func resizedPosition(t tensor.Tensor, from, to [2]int) tensor.Tensor {
	shape := []int{1, to[0] * to[1], t.Shape[2]}
	return computed(t, shape, func(values []float32) ([]float32, error) {
		return resample.Grid(values, t.Shape[2], from, to)
	})
}

// computed is a float32 tensor made from t's values when it is read.
func computed(t tensor.Tensor, shape []int, compute func([]float32) ([]float32, error)) tensor.Tensor {
	return tensor.Lazy(t.Name, tensor.Float32, shape, func() ([]byte, error) {
		values, err := t.Float32s()
		if err != nil {
			return nil, err
		}
		if values, err = compute(values); err != nil {
			return nil, err
		}
		return tensor.FromFloat32s(t.Name, shape, values).Bytes()
	})
}
