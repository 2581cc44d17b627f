package tensor

import (
	"fmt"
	"math"
)

// DType is the type of a tensor's elements, by its safetensors name.
type DType string

// The element types that files of weights hold.
const (
	Bool     DType = "BOOL"
	Int8     DType = "I8"
	Int16    DType = "I16"
	Int32    DType = "I32"
	Int64    DType = "I64"
	Uint8    DType = "U8"
	Uint16   DType = "U16"
	Uint32   DType = "U32"
	Uint64   DType = "U64"
	Float16  DType = "F16"
	BFloat16 DType = "BF16"
	Float32  DType = "F32"
	Float64  DType = "F64"
)

// Size is the number of bytes of one element, 0 for an unknown type.
func (d DType) Size() int {
	switch d {
	case Bool, Int8, Uint8:
		return 1
	case Int16, Uint16, Float16, BFloat16:
		return 2
	case Int32, Uint32, Float32:
		return 4
	case Int64, Uint64, Float64:
		return 8
	}
	return 0
}

// IsFloat reports whether d is one of the four floating-point types.
func (d DType) IsFloat() bool {
	return d == Float16 || d == BFloat16 || d == Float32 || d == Float64
}

// ByteSize is the number of bytes of a tensor. A negative dimension, an unknown
// type or a size beyond int64 is an error, so that a file's claim can be
// checked before anything is allocated for it.
func ByteSize(dtype DType, shape []int) (int64, error) {
	size := int64(dtype.Size())
	if size == 0 {
		return 0, fmt.Errorf("tensor: element type %q is not supported", dtype)
	}
	for _, n := range shape {
		switch {
		case n < 0:
			return 0, fmt.Errorf("tensor: shape %v has a negative dimension", shape)
		case n > 0 && size > math.MaxInt64/int64(n):
			return 0, fmt.Errorf("tensor: shape %v is larger than any file", shape)
		}
		size *= int64(n)
	}
	return size, nil
}
