package oip

import (
	"encoding/binary"
	"fmt"
	"math"

	"eomt/serve/oip/oippb"
)

// FromMessage reads a request that came over gRPC. Errors are the client's.
func FromMessage(m *oippb.ModelInferRequest) (*Request, error) {
	r := &Request{ID: m.GetId(), Parameters: map[string]any{}}
	for name, p := range m.GetParameters() {
		switch v := p.GetParameterChoice().(type) {
		case *oippb.InferParameter_BoolParam:
			r.Parameters[name] = v.BoolParam
		case *oippb.InferParameter_Int64Param:
			r.Parameters[name] = v.Int64Param
		case *oippb.InferParameter_Uint64Param:
			r.Parameters[name] = v.Uint64Param
		case *oippb.InferParameter_DoubleParam:
			r.Parameters[name] = v.DoubleParam
		case *oippb.InferParameter_StringParam:
			r.Parameters[name] = v.StringParam
		}
	}
	raw := m.GetRawInputContents()
	if len(raw) > 0 && len(raw) != len(m.GetInputs()) {
		return nil, fmt.Errorf("raw_input_contents has %d entries for %d inputs", len(raw), len(m.GetInputs()))
	}
	for i, in := range m.GetInputs() {
		if err := unsupported(in.GetName(), in.GetParameters()); err != nil {
			return nil, err
		}
		t := Tensor{Name: in.GetName(), Datatype: in.GetDatatype(), Shape: in.GetShape()}
		if len(raw) > 0 {
			if in.GetContents() != nil {
				return nil, fmt.Errorf("input %q has both contents and raw_input_contents", in.GetName())
			}
			t.Raw = raw[i]
		} else {
			var err error
			if t.Raw, err = contents(in.GetDatatype(), in.GetContents()); err != nil {
				return nil, fmt.Errorf("input %q: %w", in.GetName(), err)
			}
		}
		r.Inputs = append(r.Inputs, t)
	}
	for _, out := range m.GetOutputs() {
		if err := unsupported(out.GetName(), out.GetParameters()); err != nil {
			return nil, err
		}
		r.Outputs = append(r.Outputs, Output{out.GetName(), true})
	}
	return r.checked()
}

// contents are the bytes of typed values.
func contents(datatype string, c *oippb.InferTensorContents) ([]byte, error) {
	var raw []byte
	switch datatype {
	case FP32:
		for _, v := range c.GetFp32Contents() {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
	case UINT8:
		for _, v := range c.GetUintContents() {
			if v > math.MaxUint8 {
				return nil, fmt.Errorf("%d is no UINT8", v)
			}
			raw = append(raw, byte(v))
		}
	case BYTES:
		for _, v := range c.GetBytesContents() {
			raw = appendElement(raw, v)
		}
	}
	return raw, nil
}

// Message is the answer for gRPC, its tensors in raw_output_contents.
func (a *Response) Message() *oippb.ModelInferResponse {
	m := &oippb.ModelInferResponse{ModelName: a.Model, ModelVersion: a.Version, Id: a.ID}
	for _, t := range a.Outputs {
		m.Outputs = append(m.Outputs, &oippb.ModelInferResponse_InferOutputTensor{Name: t.Name, Datatype: t.Datatype, Shape: t.Shape})
		m.RawOutputContents = append(m.RawOutputContents, t.Raw)
	}
	return m
}
