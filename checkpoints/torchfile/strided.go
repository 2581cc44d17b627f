package torchfile

import (
	"errors"
	"fmt"

	"eomt/checkpoints/tensor"
)

// view is a tensor as torch keeps it: elements of a storage from offset on,
// strides apart, all counted in elements.
type view struct {
	storage *storage
	offset  int64
	shape   []int
	strides []int
}

// tensor checks the view against its storage and makes it a tensor that reads
// its bytes when asked.
func (v *view) tensor(name string) (tensor.Tensor, error) {
	s := v.storage
	itemSize := int64(s.dtype.Size())
	size, err := tensor.ByteSize(s.dtype, v.shape)
	if err != nil {
		return tensor.Tensor{}, err
	}
	span, err := v.span()
	if err != nil {
		return tensor.Tensor{}, err
	}
	if v.offset > s.elements || span > s.elements-v.offset || s.elements > s.size/itemSize {
		return tensor.Tensor{}, fmt.Errorf("elements %d to %d of shape %v lie outside storage %q of %d elements and %d bytes",
			v.offset, v.offset+span, v.shape, s.key, s.elements, s.size)
	}
	if size/itemSize > span {
		return tensor.Tensor{}, errors.New("an expanded tensor, whose elements share memory, is not supported")
	}
	read := func(dst []byte) error {
		if len(dst) > 0 {
			if _, err := s.source.ReadAt(dst, v.offset*itemSize); err != nil {
				return fmt.Errorf("torchfile: tensor %s: %w", name, err)
			}
		}
		return nil
	}
	if v.contiguous() {
		return tensor.Streamed(name, s.dtype, v.shape, read), nil
	}
	return tensor.Lazy(name, s.dtype, v.shape, func() ([]byte, error) {
		data := make([]byte, span*itemSize)
		if err := read(data); err != nil {
			return nil, err
		}
		return v.gather(data, size), nil
	}), nil
}

// span is the number of elements from the view's first to its last, 0 for an
// empty tensor.
func (v *view) span() (int64, error) {
	const limit = 1 << 56
	last := int64(0)
	for i, n := range v.shape {
		if n == 0 {
			return 0, nil
		}
		if n > 1 && v.strides[i] > 0 {
			if int64(n-1) > (limit-last)/int64(v.strides[i]) {
				return 0, fmt.Errorf("shape %v with strides %v is larger than any file", v.shape, v.strides)
			}
			last += int64(n-1) * int64(v.strides[i])
		}
	}
	return last + 1, nil
}

// contiguous reports whether the elements lie row-major without gaps.
func (v *view) contiguous() bool {
	want := 1
	for i := len(v.shape) - 1; i >= 0; i-- {
		if v.shape[i] > 1 && v.strides[i] != want {
			return false
		}
		want *= v.shape[i]
	}
	return true
}

// gather brings strided elements into row-major order; size is in bytes.
func (v *view) gather(data []byte, size int64) []byte {
	itemSize := v.storage.dtype.Size()
	out := make([]byte, 0, size)
	index := make([]int, len(v.shape))
	for int64(len(out)) < size {
		at := 0
		for i, k := range index {
			at += k * v.strides[i]
		}
		out = append(out, data[at*itemSize:(at+1)*itemSize]...)
		for i := len(index) - 1; i >= 0; i-- {
			if index[i]++; index[i] < v.shape[i] {
				break
			}
			index[i] = 0
		}
	}
	return out
}
