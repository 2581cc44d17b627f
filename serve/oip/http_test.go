package oip

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Data in JSON, flat and nested, and bytes behind it are the same tensor.
func TestParseHTTP(t *testing.T) {
	raw := "\x00\x00\x80\x3f\x00\x00\x00\xc0"
	const head = `{"id":"7","parameters":{"score":0.5,"binary_data_output":true},"outputs":[{"name":"a"},{"name":"b","parameters":{"binary_data":false}}],`
	binary := head + `"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}}]}`
	for name, c := range map[string][2]string{
		"flat":   {head + `"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,-2.0]}]}`, ""},
		"nested": {head + `"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[ [1e0, -2] ]}]}`, ""},
		"binary": {binary + raw, strconv.Itoa(len(binary))},
	} {
		r, err := ParseHTTP([]byte(c[0]), c[1])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if string(r.Inputs[0].Raw) != raw || r.ID != "7" || r.Parameters["score"] != .5 || !r.Outputs[0].Binary || r.Outputs[1].Binary {
			t.Errorf("%s: %+v", name, r)
		}
	}
	r, err := ParseHTTP([]byte(`{"inputs":[{"name":"x","datatype":"BYTES","shape":[2],"data":["a\"]","\u00e9"]}]}`), "")
	if err != nil {
		t.Fatal(err)
	}
	if e, err := r.Inputs[0].Elements(); err != nil || len(e) != 2 || string(e[0]) != `a"]` || string(e[1]) != "é" {
		t.Errorf("%q, %v", e, err)
	}
}

func TestParseHTTPRefuses(t *testing.T) {
	input := func(text string) string { return `{"inputs":[{"name":"x",` + text + `}]}` }
	for _, c := range []struct{ body, header, want string }{
		{"", "", "JSON cannot be read"},
		{"{}", "3", "want a number up to the body's 2 bytes"},
		{"{}", "-1", "want a number up to"},
		{"{}", "", "has no inputs"},
		{input(`"datatype":"FP32","shape":[1]`), "", "it has no data"},
		{input(`"datatype":"FP32","shape":[1],"data":[true]`), "", `"true" is no FP32`},
		{input(`"datatype":"FP32","shape":[1],"data":["1"]`), "", "its data are no FP32"},
		{input(`"datatype":"FP32","shape":[1],"data":[1e99]`), "", `"1e99" is no FP32`},
		{input(`"datatype":"FP32","shape":[2],"data":[1]`), "", "shape [2] has 2 elements, the data have 1"},
		{input(`"datatype":"FP32","shape":[-1],"data":[1]`), "", "a dimension is negative"},
		{input(`"datatype":"FP32","shape":[4294967296,4294967296],"data":[1]`), "", "too large"},
		{input(`"datatype":"UINT8","shape":[1],"data":[256]`), "", `"256" is no UINT8`},
		{input(`"datatype":"BYTES","shape":[1],"data":[1]`), "", `"1" is no BYTES`},
		{input(`"datatype":"FP16","shape":[1],"data":[]`), "", `datatype "FP16": want FP32, UINT8 or BYTES`},
		{input(`"datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}`), "", "binary_data_size 4: want a number up to the 0 bytes"},
		{input(`"datatype":"FP32","shape":[1],"parameters":{"binary_data_size":"4"}`), "", "binary_data_size 4: want a number"},
		{input(`"datatype":"FP32","shape":[1],"parameters":{"shared_memory_region":"r"}`), "", "shared_memory_region is not supported"},
		{`{"inputs":[{"name":"x","datatype":"UINT8","shape":[1],"data":[1]},{"name":"x","datatype":"UINT8","shape":[1],"data":[1]}]}`, "", `input "x" is there twice`},
		{`{"outputs":[{"name":"y"},{"name":"y"}],"inputs":[{"name":"x","datatype":"UINT8","shape":[1],"data":[1]}]}`, "", `output "y" is asked for twice`},
		{`{"outputs":[{"name":"y","parameters":{"classification":3}}],"inputs":[{"name":"x","datatype":"UINT8","shape":[1],"data":[1]}]}`, "", "classification is not supported"},
		{`{}abc`, "2", "3 bytes behind the JSON belong to no input"},
	} {
		if _, err := ParseHTTP([]byte(c.body), c.header); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.body, err, c.want)
		}
	}
	for _, c := range []struct{ datatype, raw, want string }{
		{"BYTES", "\x05\x00\x00\x00abc", "element 0 is longer than the data"},
		{"BYTES", "\x05", "element 0 is longer than the data"},
		{"FP32", "abc", "3 bytes are no whole number of FP32"},
	} {
		text := input(`"datatype":"` + c.datatype + `","shape":[1],"parameters":{"binary_data_size":` + strconv.Itoa(len(c.raw)) + `}`)
		if _, err := ParseHTTP([]byte(text+c.raw), strconv.Itoa(len(text))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.raw, err, c.want)
		}
	}
}

// An answer has its tensors where the request wants them.
func TestHTTPAnswer(t *testing.T) {
	a := &Response{Model: "m", Version: "1", ID: "7", Outputs: []Tensor{FromFloats("f", []int64{2}, []float32{1.5, -0.1}), FromBytes("b", []byte("{}"))}}
	body, header, err := a.HTTP(&Request{Outputs: []Output{{"f", false}, {"b", true}}})
	want := `{"model_name":"m","model_version":"1","id":"7","outputs":[{"name":"f","datatype":"FP32","shape":[2],"data":[1.5,-0.1]},` +
		`{"name":"b","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":6}}]}`
	if err != nil || string(body) != want+"\x02\x00\x00\x00{}" || header != len(want) {
		t.Errorf("%d %s, %v", header, body, err)
	}
	body, header, err = a.HTTP(&Request{})
	if err != nil || header != 0 || !strings.HasSuffix(string(body), `"data":["{}"]}]}`) {
		t.Errorf("%d %s, %v", header, body, err)
	}
	for _, c := range []struct {
		t    Tensor
		want string
	}{
		{FromFloats("f", []int64{1}, []float32{float32(math.Inf(1))}), "values that are not finite"},
		{FromBytes("b", []byte{255}), "bytes that JSON cannot have"},
	} {
		if _, _, err := (&Response{Outputs: []Tensor{c.t}}).HTTP(&Request{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// Whatever the bytes are, a request that is read has tensors of its shapes.
func FuzzParseHTTP(f *testing.F) {
	seeds, err := filepath.Glob("testdata/requests/*")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, path := range seeds {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		length := ""
		if end := strings.LastIndex(string(raw), "}") + 1; end < len(raw) {
			length = strconv.Itoa(end)
		}
		f.Add(raw, length)
	}
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		r, err := ParseHTTP(body, header)
		if err != nil {
			return
		}
		for _, in := range r.Inputs {
			count := int64(1)
			for _, d := range in.Shape {
				count *= d
			}
			elements, err := in.Elements()
			have := map[string]int64{FP32: int64(len(in.Raw)) / 4, UINT8: int64(len(in.Raw)), BYTES: int64(len(elements))}[in.Datatype]
			if have != count || in.Datatype == BYTES && err != nil {
				t.Fatalf("%+v", in)
			}
			if len(in.Raw) >= 4 && in.Datatype == FP32 && math.Float32bits(in.Floats()[0]) != binary.LittleEndian.Uint32(in.Raw) {
				t.Fatal("a value differs from its bytes")
			}
		}
	})
}
