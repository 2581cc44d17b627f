package names

import (
	"errors"
	"fmt"
	"slices"

	"eomt/checkpoints/tensor"
)

// concatenate joins tensors along their first axis.
func concatenate(name string, parts []tensor.Tensor) (tensor.Tensor, error) {
	first := parts[0]
	rows := 0
	for _, part := range parts {
		if len(part.Shape) == 0 || part.DType != first.DType || !slices.Equal(part.Shape[1:], first.Shape[1:]) {
			return tensor.Tensor{}, fmt.Errorf("%v beside %v", part, first)
		}
		rows += part.Shape[0]
	}
	shape := append([]int{rows}, first.Shape[1:]...)
	return tensor.Streamed(name, first.DType, shape, func(dst []byte) error {
		for _, part := range parts {
			size := part.ByteSize()
			if err := part.ReadBytes(dst[:size]); err != nil {
				return err
			}
			dst = dst[size:]
		}
		return nil
	}), nil
}

// split is the inverse of concatenate for n parts of one size. Part k is taken
// where keep[k]; the others must hold nothing but zeros, or reading any part fails.
func split(t tensor.Tensor, keep []bool) ([]tensor.Tensor, error) {
	n := len(keep)
	if len(t.Shape) == 0 || t.Shape[0]%n != 0 {
		return nil, fmt.Errorf("names: %v cannot be split into %d", t, n)
	}
	shape := append([]int{t.Shape[0] / n}, t.Shape[1:]...)
	size := int(t.ByteSize()) / n
	var parts []tensor.Tensor
	for k := range keep {
		if !keep[k] {
			continue
		}
		parts = append(parts, tensor.Lazy(t.Name, t.DType, shape, func() ([]byte, error) {
			data, err := t.Bytes()
			if err != nil {
				return nil, err
			}
			for other := range keep {
				if !keep[other] && !allZero(data[other*size:(other+1)*size], t.DType) {
					return nil, fmt.Errorf("names: %s: part %d of %d must be zero, the format has no place for it", t.Name, other+1, n)
				}
			}
			return data[k*size : (k+1)*size], nil
		}))
	}
	return parts, nil
}

// allZero reports whether data holds only zeros, of either sign.
func allZero(data []byte, dtype tensor.DType) bool {
	last := dtype.Size() - 1
	for i, b := range data {
		if dtype.IsFloat() && i%dtype.Size() == last {
			b &= 0x7f
		}
		if b != 0 {
			return false
		}
	}
	return true
}

func zerosLike(t tensor.Tensor) tensor.Tensor {
	return zeros(t.Name, t.DType, t.Shape)
}

func zeros(name string, dtype tensor.DType, shape []int) tensor.Tensor {
	return tensor.Streamed(name, dtype, shape, func(dst []byte) error {
		clear(dst)
		return nil
	})
}

// addRow adds row 0 of pos, [1, rows, D], to cls, [1, 1, D], in float32.
func addRow(cls, pos tensor.Tensor) tensor.Tensor {
	return tensor.Lazy(cls.Name, tensor.Float32, cls.Shape, func() ([]byte, error) {
		sum, err := cls.Float32s()
		if err != nil {
			return nil, err
		}
		rows, err := pos.Float32s()
		if err != nil {
			return nil, err
		}
		for i := range sum {
			sum[i] += rows[i]
		}
		return tensor.FromFloat32s(cls.Name, cls.Shape, sum).Bytes()
	})
}

// withoutRow is pos, [1, rows, D], less its row 0.
func withoutRow(pos tensor.Tensor) tensor.Tensor {
	shape := []int{1, pos.Shape[1] - 1, pos.Shape[2]}
	return tensor.Lazy(pos.Name, pos.DType, shape, func() ([]byte, error) {
		data, err := pos.Bytes()
		if err != nil {
			return nil, err
		}
		return data[pos.Shape[2]*pos.DType.Size():], nil
	})
}

// withoutKey is an attention bias, [3 D], with its middle third zero.
func withoutKey(bias tensor.Tensor) tensor.Tensor {
	return tensor.Lazy(bias.Name, bias.DType, bias.Shape, func() ([]byte, error) {
		data, err := bias.Bytes()
		if err != nil {
			return nil, err
		}
		if len(data)%3 != 0 {
			return nil, errors.New("names: an attention bias that has no three parts")
		}
		masked := slices.Clone(data)
		clear(masked[len(data)/3 : 2*len(data)/3])
		return masked, nil
	})
}
