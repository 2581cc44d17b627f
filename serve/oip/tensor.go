package oip

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// The datatypes that are read and written.
const (
	FP32  = "FP32"
	UINT8 = "UINT8"
	BYTES = "BYTES" // of any length each
)

// Tensor is an array in row-major order.
type Tensor struct {
	Name, Datatype string
	Shape          []int64
	Raw            []byte // little-endian; of BYTES each element after its length, a uint32
}

// Request asks a model for outputs.
type Request struct {
	ID         string
	Parameters map[string]any // bool, float64, int64, uint64 or string
	Inputs     []Tensor
	Outputs    []Output // empty: all, as Parameters["binary_data_output"] says
}

// Output is an output that is asked for.
type Output struct {
	Name   string
	Binary bool // over HTTP: as bytes behind the JSON
}

// Response is a model's answer.
type Response struct {
	Model, Version, ID string
	Outputs            []Tensor
}

// check compares the number of bytes with datatype and shape.
func (t Tensor) check() error {
	count := int64(1)
	for _, d := range t.Shape {
		if d < 0 || d > 0 && count > math.MaxInt32/d {
			return fmt.Errorf("input %q: shape %v: a dimension is negative or the tensor is too large", t.Name, t.Shape)
		}
		count *= d
	}
	have := int64(len(t.Raw))
	switch t.Datatype {
	case FP32:
		if have%4 != 0 {
			return fmt.Errorf("input %q: %d bytes are no whole number of FP32", t.Name, have)
		}
		have /= 4
	case UINT8:
	case BYTES:
		elements, err := t.Elements()
		if err != nil {
			return err
		}
		have = int64(len(elements))
	default:
		return fmt.Errorf("input %q: datatype %q: want FP32, UINT8 or BYTES", t.Name, t.Datatype)
	}
	if have != count {
		return fmt.Errorf("input %q: shape %v has %d elements, the data have %d", t.Name, t.Shape, count, have)
	}
	return nil
}

// Elements are those of a BYTES tensor.
func (t Tensor) Elements() ([][]byte, error) {
	var elements [][]byte
	for rest := t.Raw; len(rest) > 0; {
		if len(rest) < 4 || uint64(binary.LittleEndian.Uint32(rest)) > uint64(len(rest)-4) {
			return nil, fmt.Errorf("input %q: element %d is longer than the data", t.Name, len(elements))
		}
		end := 4 + int(binary.LittleEndian.Uint32(rest))
		elements = append(elements, rest[4:end])
		rest = rest[end:]
	}
	return elements, nil
}

// Floats are the values of an FP32 tensor.
func (t Tensor) Floats() []float32 {
	values := make([]float32, len(t.Raw)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Raw[4*i:]))
	}
	return values
}

// FromFloats makes an FP32 tensor.
func FromFloats(name string, shape []int64, values []float32) Tensor {
	raw := make([]byte, 0, 4*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return Tensor{name, FP32, shape, raw}
}

// FromBytes makes a BYTES tensor of one element.
func FromBytes(name string, element []byte) Tensor {
	return Tensor{name, BYTES, []int64{1}, appendElement(nil, element)}
}

func appendElement(raw, element []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(raw, uint32(len(element))), element...)
}

// checked returns the request if its inputs and outputs can be read.
func (r *Request) checked() (*Request, error) {
	if len(r.Inputs) == 0 {
		return nil, fmt.Errorf("the request has no inputs")
	}
	for i, in := range r.Inputs {
		if slices.ContainsFunc(r.Inputs[:i], func(t Tensor) bool { return t.Name == in.Name }) {
			return nil, fmt.Errorf("input %q is there twice", in.Name)
		}
		if err := in.check(); err != nil {
			return nil, err
		}
	}
	for i, out := range r.Outputs {
		if slices.ContainsFunc(r.Outputs[:i], func(o Output) bool { return o.Name == out.Name }) {
			return nil, fmt.Errorf("output %q is asked for twice", out.Name)
		}
	}
	return r, nil
}

// unsupported refuses parameters of a tensor that would change what its data mean.
func unsupported[T any](name string, parameters map[string]T) error {
	for _, one := range []string{"shared_memory_region", "classification"} {
		if _, there := parameters[one]; there {
			return fmt.Errorf("tensor %q: %s is not supported", name, one)
		}
	}
	return nil
}
