package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// FromFloat32s is a Float32 tensor of values, copied. It panics if shape
// does not hold len(values) elements.
func FromFloat32s(name string, shape []int, values []float32) Tensor {
	data := make([]byte, 4*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(v))
	}
	t, err := New(name, Float32, shape, data)
	if err != nil {
		panic(err)
	}
	return t
}

// Float32s reads the elements of a floating-point tensor as float32: exactly
// from F16, BF16 and F32, rounded to nearest from F64. Other types are an error.
func (t Tensor) Float32s() ([]float32, error) {
	n := t.Elements()
	if n < 0 {
		return nil, fmt.Errorf("tensor: %s cannot be %s %v", t.Name, t.DType, t.Shape)
	}
	values := make([]float32, n)
	return values, t.ReadFloat32s(values)
}

// ReadFloat32s is [Tensor.Float32s] into dst, which has one place per element. F32 is
// read in place, without allocating.
func (t Tensor) ReadFloat32s(dst []float32) error {
	if !t.DType.IsFloat() {
		return fmt.Errorf("tensor: %s holds %s, not floating-point numbers", t.Name, t.DType)
	}
	if int64(len(dst)) != t.Elements() {
		return fmt.Errorf("tensor: %s of shape %v is read into %d numbers", t.Name, t.Shape, len(dst))
	}
	if t.DType == Float32 && littleEndian && len(dst) > 0 {
		return t.ReadBytes(unsafe.Slice((*byte)(unsafe.Pointer(&dst[0])), 4*len(dst)))
	}
	data, err := t.Bytes()
	if err != nil {
		return err
	}
	switch t.DType {
	case Float32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
	case BFloat16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[2*i:])) << 16)
		}
	case Float16:
		for i := range dst {
			dst[i] = halfToFloat32(binary.LittleEndian.Uint16(data[2*i:]))
		}
	case Float64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:])))
		}
	}
	return nil
}

// littleEndian reports whether this machine's byte order is that of the files.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Float64s reads the elements of any type as float64; integers beyond 2^53 are
// rounded, false and true are 0 and 1.
func (t Tensor) Float64s() ([]float64, error) {
	if t.DType.IsFloat() && t.DType != Float64 {
		narrow, err := t.Float32s()
		if err != nil {
			return nil, err
		}
		values := make([]float64, len(narrow))
		for i, v := range narrow {
			values[i] = float64(v)
		}
		return values, nil
	}
	data, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	size := t.DType.Size()
	values := make([]float64, len(data)/size)
	for i := range values {
		var bits [8]byte
		copy(bits[:], data[i*size:(i+1)*size])
		values[i] = number(t.DType, binary.LittleEndian.Uint64(bits[:]))
	}
	return values, nil
}

// number is an element of a type other than the narrow floating-point ones, by
// its bits.
func number(dtype DType, bits uint64) float64 {
	switch dtype {
	case Float64:
		return math.Float64frombits(bits)
	case Int8:
		return float64(int8(bits))
	case Int16:
		return float64(int16(bits))
	case Int32:
		return float64(int32(bits))
	case Int64:
		return float64(int64(bits))
	}
	return float64(bits)
}

// AsFloat32 is t with elements of Float32, converted when they are read; t
// itself where it holds Float32 already or no floating-point numbers.
func (t Tensor) AsFloat32() Tensor {
	if t.DType == Float32 || !t.DType.IsFloat() {
		return t
	}
	return Lazy(t.Name, Float32, t.Shape, func() ([]byte, error) {
		values, err := t.Float32s()
		if err != nil {
			return nil, err
		}
		return FromFloat32s(t.Name, t.Shape, values).Bytes()
	})
}

// FromFloat32sAs is FromFloat32s with elements of a floating-point dtype, each
// rounded to the nearest, ties to even. It panics on other types.
func FromFloat32sAs(dtype DType, name string, shape []int, values []float32) Tensor {
	var data []byte
	for _, v := range values {
		switch dtype {
		case Float32:
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		case Float64:
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(float64(v)))
		case BFloat16:
			data = binary.LittleEndian.AppendUint16(data, bfloat16(v))
		case Float16:
			data = binary.LittleEndian.AppendUint16(data, half(v))
		default:
			panic(fmt.Sprintf("tensor: %s is not a floating-point type", dtype))
		}
	}
	t, err := New(name, dtype, shape, data)
	if err != nil {
		panic(err)
	}
	return t
}

// bfloat16 rounds to the upper half of a float32's bits.
func bfloat16(v float32) uint16 {
	bits := math.Float32bits(v)
	if v != v {
		return uint16(bits>>16) | 0x40 // stays a NaN if only lower bits said so
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// half rounds to IEEE 754 binary16.
func half(v float32) uint16 {
	sign := uint16(math.Float32bits(v) >> 16 & 0x8000)
	size := math.Abs(float64(v))
	switch {
	case v != v:
		return sign | 0x7e00
	case size >= 65520: // halfway between the largest number and the next power
		return sign | 0x7c00
	}
	exponent := -14 // of the subnormals and the smallest normal numbers
	if size > 0 {
		exponent = max(exponent, math.Ilogb(size))
	}
	// In units of the last place: a carry into the next binade is right as it is.
	units := uint16(math.RoundToEven(math.Ldexp(size, 10-exponent)))
	return sign | uint16(exponent+14)<<10 + units
}

// halfToFloat32 widens an IEEE 754 binary16 number exactly.
func halfToFloat32(half uint16) float32 {
	sign := uint32(half>>15) << 31
	exponent := uint32(half>>10) & 0x1f
	fraction := uint32(half) & 0x3ff
	switch exponent {
	case 0: // zero and subnormals: fraction * 2^-24
		value := float32(fraction) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(value) | sign)
	case 0x1f: // infinity and NaN
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}
