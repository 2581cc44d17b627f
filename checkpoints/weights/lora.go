package weights

import (
	"slices"
	"strings"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
)

// merge returns the tensors of a network with the products of its low-rank factors
// added to the weights that they adapt, in float32, and without the factors, of which
// there are so many pairs. Each sum is computed when it is read. The factors must be
// those that l gives to a backbone of the other tensors.
func merge(l arch.LoRA, tensors []tensor.Tensor) (whole []tensor.Tensor, pairs int, err error) {
	isFactor := func(name string) bool { return strings.HasPrefix(name, arch.LoRAPrefix) }
	base, factors := slices.Clone(tensors), slices.Clone(tensors)
	base = slices.DeleteFunc(base, func(t tensor.Tensor) bool { return isFactor(t.Name) })
	factors = slices.DeleteFunc(factors, func(t tensor.Tensor) bool { return !isFactor(t.Name) })
	backbone := slices.DeleteFunc(slices.Clone(base), func(t tensor.Tensor) bool { return !strings.HasPrefix(t.Name, "backbone.") })
	a, err := infer(backbone, "")
	if err != nil {
		return nil, 0, err
	}
	a.LoRA = l
	adapters := a.Adapters()
	var want []arch.Tensor
	for _, one := range adapters {
		want = append(want, arch.Tensor{Name: one.Name + ".a", Shape: []int{l.Rank, one.In}}, arch.Tensor{Name: one.Name + ".b", Shape: []int{one.Rows, l.Rank}})
	}
	if _, _, err := checkpoints.Match(want, factors, nil); err != nil {
		return nil, 0, err
	}
	index := tensor.ByName(factors)
	for _, one := range adapters {
		i := slices.IndexFunc(base, func(t tensor.Tensor) bool { return t.Name == one.Weight })
		if i < 0 || len(base[i].Shape) != 2 || base[i].Shape[1] != one.In || base[i].Shape[0] < one.Row+one.Rows {
			continue // which is an error when the parameters are compared with the network's
		}
		base[i] = withFactors(base[i], one, index[one.Name+".a"], index[one.Name+".b"], l)
	}
	return base, len(adapters), nil
}

// withFactors is w [out, in] with scale b a added to the adapter's rows.
func withFactors(w tensor.Tensor, one arch.Adapter, a, b tensor.Tensor, l arch.LoRA) tensor.Tensor {
	return computed(w, w.Shape, func(values []float32) ([]float32, error) {
		down, err := a.Float32s()
		if err != nil {
			return nil, err
		}
		up, err := b.Float32s()
		if err != nil {
			return nil, err
		}
		row := make([]float64, one.In)
		for i := range one.Rows {
			clear(row)
			for k, factor := range up[i*l.Rank : (i+1)*l.Rank] {
				for j, v := range down[k*one.In : (k+1)*one.In] {
					row[j] += float64(factor) * float64(v)
				}
			}
			to := values[(one.Row+i)*one.In:]
			for j, v := range row {
				to[j] = float32(float64(to[j]) + l.Scale()*v)
			}
		}
		return values, nil
	})
}
