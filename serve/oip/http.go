package oip

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// jsonTensor is a tensor as JSON has it.
type jsonTensor struct {
	Name       string          `json:"name"`
	Datatype   string          `json:"datatype"`
	Shape      []int64         `json:"shape"`
	Parameters map[string]any  `json:"parameters,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
}

type jsonRequest struct {
	ID         string         `json:"id"`
	Parameters map[string]any `json:"parameters"`
	Inputs     []jsonTensor   `json:"inputs"`
	Outputs    []struct {
		Name       string         `json:"name"`
		Parameters map[string]any `json:"parameters"`
	} `json:"outputs"`
}

// ParseHTTP reads the body of an inference request, not compressed. header is the value
// of Inference-Header-Content-Length, the bytes of JSON at its beginning, or empty if
// all is JSON. Errors are the client's. Tensors share the body's memory.
func ParseHTTP(body []byte, header string) (*Request, error) {
	text, rest := body, []byte(nil)
	if header != "" {
		n, err := strconv.ParseUint(header, 10, 63)
		if err != nil || n > uint64(len(body)) {
			return nil, fmt.Errorf("Inference-Header-Content-Length %q: want a number up to the body's %d bytes (not compressed)", header, len(body))
		}
		text, rest = body[:n], body[n:]
	}
	var j jsonRequest
	if err := json.Unmarshal(text, &j); err != nil {
		return nil, fmt.Errorf("the request's JSON cannot be read: %w", err)
	}
	r := &Request{ID: j.ID, Parameters: j.Parameters}
	for _, in := range j.Inputs {
		t := Tensor{Name: in.Name, Datatype: in.Datatype, Shape: in.Shape}
		if err := unsupported(in.Name, in.Parameters); err != nil {
			return nil, err
		}
		var err error
		if size, binary := in.Parameters["binary_data_size"]; binary {
			n, number := size.(float64)
			if !number || n != math.Trunc(n) || n < 0 || n > float64(len(rest)) || in.Data != nil {
				return nil, fmt.Errorf("input %q: binary_data_size %v: want a number up to the %d bytes that are left, and no data in JSON", in.Name, size, len(rest))
			}
			t.Raw, rest = rest[:int(n)], rest[int(n):]
		} else if t.Raw, err = rawData(in); err != nil {
			return nil, fmt.Errorf("input %q: %w", in.Name, err)
		}
		r.Inputs = append(r.Inputs, t)
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes behind the JSON belong to no input", len(rest))
	}
	all, _ := j.Parameters["binary_data_output"].(bool)
	for _, out := range j.Outputs {
		if err := unsupported(out.Name, out.Parameters); err != nil {
			return nil, err
		}
		o := Output{out.Name, all}
		if binary, given := out.Parameters["binary_data"].(bool); given {
			o.Binary = binary
		}
		r.Outputs = append(r.Outputs, o)
	}
	return r.checked()
}

// rawData reads a tensor's data in JSON, flat or nested.
func rawData(t jsonTensor) ([]byte, error) {
	if len(t.Data) == 0 || t.Data[0] != '[' {
		return nil, errors.New("it has no data: want an array, or the parameter binary_data_size")
	}
	var raw []byte
	for rest := []byte(t.Data); len(rest) > 0; {
		switch c := rest[0]; {
		case bytes.IndexByte([]byte("[], \t\r\n"), c) >= 0:
			rest = rest[1:]
			continue
		case c == '"' && t.Datatype == BYTES:
			end := closing(rest)
			var s string
			if err := json.Unmarshal(rest[:end], &s); err != nil {
				return nil, err
			}
			raw, rest = appendElement(raw, []byte(s)), rest[end:]
			continue
		}
		end := bytes.IndexAny(rest, "], \t\r\n\"")
		if end <= 0 {
			return nil, fmt.Errorf("its data are no %s", t.Datatype)
		}
		word := string(rest[:end])
		switch t.Datatype {
		case FP32:
			v, err := strconv.ParseFloat(word, 32)
			if err != nil {
				return nil, fmt.Errorf("%.20q is no FP32", word)
			}
			bits := math.Float32bits(float32(v))
			raw = append(raw, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
		case UINT8:
			v, err := strconv.ParseUint(word, 10, 8)
			if err != nil {
				return nil, fmt.Errorf("%.20q is no UINT8", word)
			}
			raw = append(raw, byte(v))
		default:
			return nil, fmt.Errorf("%.20q is no %s", word, t.Datatype)
		}
		rest = rest[end:]
	}
	return raw, nil
}

// closing is the end of the string at the beginning of valid JSON.
func closing(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

type jsonResponse struct {
	Model   string       `json:"model_name"`
	Version string       `json:"model_version"`
	ID      string       `json:"id,omitempty"`
	Outputs []jsonTensor `json:"outputs"`
}

// HTTP is the answer's body for a request. header is the number of bytes of JSON at its
// beginning if tensors follow, otherwise 0. It fails where a value has no form in JSON.
func (a *Response) HTTP(r *Request) (body []byte, header int, err error) {
	all, _ := r.Parameters["binary_data_output"].(bool)
	j := jsonResponse{Model: a.Model, Version: a.Version, ID: a.ID}
	var rest []byte
	behind := false
	for _, t := range a.Outputs {
		binary := all
		for _, o := range r.Outputs {
			if o.Name == t.Name {
				binary = o.Binary
			}
		}
		out := jsonTensor{Name: t.Name, Datatype: t.Datatype, Shape: t.Shape}
		if binary {
			out.Parameters = map[string]any{"binary_data_size": len(t.Raw)}
			rest = append(rest, t.Raw...)
			behind = true
		} else if out.Data, err = jsonData(t); err != nil {
			return nil, 0, err
		}
		j.Outputs = append(j.Outputs, out)
	}
	if body, err = json.Marshal(j); err != nil {
		return nil, 0, err
	}
	if behind {
		header = len(body)
	}
	return append(body, rest...), header, nil
}

// jsonData is a flat array.
func jsonData(t Tensor) ([]byte, error) {
	text := []byte{'['}
	if t.Datatype == BYTES {
		elements, err := t.Elements()
		if err != nil {
			return nil, err
		}
		for i, e := range elements {
			if !utf8.Valid(e) {
				return nil, fmt.Errorf("output %q has bytes that JSON cannot have: ask for binary data", t.Name)
			}
			one, err := json.Marshal(string(e))
			if err != nil {
				return nil, err
			}
			if i > 0 {
				text = append(text, ',')
			}
			text = append(text, one...)
		}
		return append(text, ']'), nil
	}
	for i, v := range t.Floats() {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("output %q has values that are not finite, which JSON cannot have: ask for binary data", t.Name)
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendFloat(text, float64(v), 'g', -1, 32)
	}
	return append(text, ']'), nil
}
