package tensor

import (
	"fmt"
	"slices"
)

// Tensor is a named array whose bytes are read on demand. It is a value: renaming or
// reshaping one does not change the original.
type Tensor struct {
	Name  string
	DType DType
	Shape []int // row-major; empty for a scalar

	load func() ([]byte, error) // the bytes, perhaps shared; nil if fill is there
	fill func(dst []byte) error // writes the bytes
}

// New is a tensor of bytes already in memory: little-endian, row-major. The
// slice is kept, not copied. It fails if data is not as long as dtype and
// shape ask for.
func New(name string, dtype DType, shape []int, data []byte) (Tensor, error) {
	size, err := ByteSize(dtype, shape)
	if err != nil {
		return Tensor{}, fmt.Errorf("%w (tensor %s)", err, name)
	}
	if int64(len(data)) != size {
		return Tensor{}, fmt.Errorf("tensor: %s has %d bytes, %s %v needs %d", name, len(data), dtype, shape, size)
	}
	return Lazy(name, dtype, shape, func() ([]byte, error) { return data, nil }), nil
}

// Lazy is a tensor whose bytes load returns on every call, little-endian and
// row-major; nothing is kept between calls.
func Lazy(name string, dtype DType, shape []int, load func() ([]byte, error)) Tensor {
	return Tensor{Name: name, DType: dtype, Shape: slices.Clone(shape), load: load}
}

// Streamed is a tensor whose bytes fill writes, little-endian and row-major, into a
// slice of exactly their length.
func Streamed(name string, dtype DType, shape []int, fill func(dst []byte) error) Tensor {
	return Tensor{Name: name, DType: dtype, Shape: slices.Clone(shape), fill: fill}
}

// ReadBytes reads the elements into dst, which has exactly their length,
// little-endian and row-major. Reading from a file allocates nothing, so that loading
// a model takes only the model's memory.
func (t Tensor) ReadBytes(dst []byte) error {
	if int64(len(dst)) != t.ByteSize() {
		return fmt.Errorf("tensor: %s is read into %d bytes, %s %v needs %d", t.Name, len(dst), t.DType, t.Shape, t.ByteSize())
	}
	if t.fill != nil {
		return t.fill(dst)
	}
	data, err := t.Bytes()
	copy(dst, data)
	return err
}

// Bytes reads the elements, little-endian and row-major. The slice may be
// shared with the tensor's source: it must not be modified.
func (t Tensor) Bytes() ([]byte, error) {
	if t.fill != nil {
		if t.ByteSize() < 0 {
			return nil, fmt.Errorf("tensor: %s cannot be %s %v", t.Name, t.DType, t.Shape)
		}
		data := make([]byte, t.ByteSize())
		return data, t.fill(data)
	}
	if t.load == nil {
		return nil, fmt.Errorf("tensor: %s has no data", t.Name)
	}
	data, err := t.load()
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != t.ByteSize() {
		return nil, fmt.Errorf("tensor: %s has %d bytes, %s %v needs %d", t.Name, len(data), t.DType, t.Shape, t.ByteSize())
	}
	return data, nil
}

// ByteSize is the number of bytes of t's elements, -1 if type or shape are
// impossible (see [ByteSize]).
func (t Tensor) ByteSize() int64 {
	size, err := ByteSize(t.DType, t.Shape)
	if err != nil {
		return -1
	}
	return size
}

// Elements is the number of elements of t, -1 if type or shape are impossible.
func (t Tensor) Elements() int64 {
	size := t.ByteSize()
	if size < 0 {
		return -1
	}
	return size / int64(t.DType.Size())
}

// Renamed is t under another name.
func (t Tensor) Renamed(name string) Tensor {
	t.Name = name
	return t
}

// Reshaped is t with another shape of as many elements.
func (t Tensor) Reshaped(shape ...int) (Tensor, error) {
	size, err := ByteSize(t.DType, shape)
	if err != nil || size != t.ByteSize() {
		return Tensor{}, fmt.Errorf("tensor: %s of shape %v cannot take shape %v", t.Name, t.Shape, shape)
	}
	t.Shape = slices.Clone(shape)
	return t, nil
}

// String is the name, element type and shape: "q.weight F32 [200 1024]".
func (t Tensor) String() string {
	return fmt.Sprintf("%s %s %v", t.Name, t.DType, t.Shape)
}

// ByName indexes tensors by name; the last of equal names wins.
func ByName(tensors []Tensor) map[string]Tensor {
	index := make(map[string]Tensor, len(tensors))
	for _, t := range tensors {
		index[t.Name] = t
	}
	return index
}
