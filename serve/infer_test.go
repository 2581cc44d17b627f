package serve

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"eomt/eval/postprocess"
	"eomt/serve/oip"
)

// withPixels is the stub as a network that also takes normalised pixels: red is above 0.
func withPixels(s *stub) Network {
	n := networkOf(s, postprocess.TaskPanoptic)
	n.Pixels = func(pixels []float32, b int) (postprocess.Logits, error) {
		images := make([]uint8, b*side*side*3)
		for i := range b {
			for c := range 3 {
				for at, v := range pixels[(3*i+c)*side*side : (3*i+c+1)*side*side] {
					if v > 0 {
						images[(i*side*side+at)*3+c] = 250
					}
				}
			}
		}
		l, err := s.Predict(images, b)
		for i := range b {
			if pixels[i*side*side*3] > 1e30 {
				l.Class[i*9] = float32(math.NaN())
			}
		}
		return l, err
	}
	return n
}

// body is a request with one binary input.
func inferBody(name, datatype string, shape string, raw []byte, more string) ([]byte, http.Header) {
	head := fmt.Sprintf(`{"inputs":[{"name":%q,"datatype":%q,"shape":%s,"parameters":{"binary_data_size":%d}}]%s}`, name, datatype, shape, len(raw), more)
	return append([]byte(head), raw...), http.Header{headerLength: {strconv.Itoa(len(head))}}
}

// rawPixels are b images whose left half is red.
func rawPixels(b int) []byte {
	values := make([]float32, b*3*side*side)
	for i := range values {
		values[i] = -1
		if c := i / (side * side) % 3; c == 0 && i%side < side/2 {
			values[i] = 2
		}
	}
	return oip.FromFloats("", nil, values).Raw
}

// floats of an output behind the JSON, or in it.
func outputOf(t *testing.T, raw []byte, header http.Header, name string) (values []float32, shape []int64) {
	t.Helper()
	end := len(raw)
	if text := header.Get(headerLength); text != "" {
		end, _ = strconv.Atoi(text)
	}
	var a struct {
		Outputs []struct {
			Name       string
			Shape      []int64
			Data       []float32
			Parameters struct {
				Size int `json:"binary_data_size"`
			}
		}
	}
	if err := json.Unmarshal(raw[:end], &a); err != nil {
		t.Fatalf("%v: %s", err, raw[:end])
	}
	for _, o := range a.Outputs {
		if o.Name == name && o.Data != nil {
			return o.Data, o.Shape
		}
		if o.Name == name {
			return oip.Tensor{Raw: raw[end : end+o.Parameters.Size]}.Floats(), o.Shape
		}
		end += o.Parameters.Size
	}
	t.Fatalf("no output %s: %s", name, raw[:min(end, 500)])
	return nil, nil
}

// Logits of floats and of bytes, as bytes and as JSON, plain and compressed, are the same.
func TestInferLogits(t *testing.T) {
	for _, batch := range []int{1, 2} {
		_, web := startNetwork(t, withPixels(&stub{}), Options{Batch: batch})
		url := web.URL + "/v2/models/eomt/infer"
		shape := fmt.Sprintf("[2,3,%d,%d]", side, side)
		floats := rawPixels(2)
		pixels := make([]byte, len(floats)/4)
		for i, v := range (oip.Tensor{Raw: floats}).Floats() {
			if v > 0 {
				pixels[i] = 250
			}
		}
		data, _ := json.Marshal((oip.Tensor{Raw: floats}).Floats())
		inJSON := []byte(fmt.Sprintf(`{"inputs":[{"name":"pixel_values","datatype":"FP32","shape":%s,"data":%s}],"outputs":[{"name":"masks_queries_logits"}]}`, shape, data))
		binary, header := inferBody(pixelValues, oip.FP32, shape, floats, `,"parameters":{"binary_data_output":true},"id":"9"`)
		bytesBody, bytesHeader := inferBody(pixelValues, oip.UINT8, shape, pixels, "")
		var zipped, deflated bytes.Buffer
		z := gzip.NewWriter(&zipped)
		_, _ = z.Write(binary)
		z.Close()
		d := zlib.NewWriter(&deflated)
		_, _ = d.Write(binary)
		d.Close()
		encoded := func(kind string) http.Header {
			return http.Header{headerLength: header[headerLength], "Content-Encoding": {kind}}
		}
		var first []float32
		for _, c := range []struct {
			name   string
			body   []byte
			header http.Header
		}{{"binary", binary, header}, {"json", inJSON, nil}, {"uint8", bytesBody, bytesHeader}, {"gzip", zipped.Bytes(), encoded("gzip")}, {"deflate", deflated.Bytes(), encoded("deflate")}} {
			status, answered, raw := post(t, url, c.body, c.header)
			if status != 200 {
				t.Fatalf("%s: %d %s", c.name, status, raw)
			}
			masks, shape := outputOf(t, raw, answered, maskLogits)
			if first == nil {
				first = masks
				if !strings.Contains(string(raw[:200]), `"id":"9"`) {
					t.Errorf("no id: %s", raw[:200])
				}
			}
			if !slices.Equal(masks, first) || !slices.Equal(shape, []int64{2, 3, grid, grid}) {
				t.Errorf("%s: other masks, %v", c.name, shape)
			}
			// [N, Q, h, w]: query 0 is red and left, query 1 right.
			if masks[0] != 4 || masks[grid-1] != -4 || masks[grid*grid] != -4 || masks[grid*grid+grid-1] != 4 {
				t.Errorf("%s: %v", c.name, masks[:2*grid*grid])
			}
		}
	}
}

// The image model gives the JSON of POST /v1/segment.
func TestInferImage(t *testing.T) {
	_, web := startNetwork(t, withPixels(&stub{}), Options{})
	picture := photo(40, 30)
	element := oip.FromBytes("", picture).Raw
	timeless := func(raw []byte) string {
		var a map[string]any
		if err := json.Unmarshal(raw, &a); err != nil {
			t.Fatalf("%v: %s", err, raw)
		}
		delete(a, "milliseconds")
		text, _ := json.Marshal(a)
		return string(text)
	}
	for _, score := range []string{"0.8", "0.99999"} {
		body, header := inferBody(imageFile, oip.BYTES, "[1]", element, `,"parameters":{"binary_data_output":true,"priority":1,"score":`+score+`}`)
		status, answered, raw := post(t, web.URL+"/v2/models/eomt_image/versions/1/infer", body, header)
		if status != 200 {
			t.Fatalf("%d %s", status, raw)
		}
		end, _ := strconv.Atoi(answered.Get(headerLength))
		_, _, want := post(t, web.URL+"/v1/segment?score="+score, picture, nil)
		if got := timeless(raw[end+4:]); got != timeless(want) {
			t.Errorf("%s\n%s", got, want)
		}
	}
}

func TestInferRefuses(t *testing.T) {
	s, web := startNetwork(t, withPixels(&stub{}), Options{Pixels: 5000, Body: 1 << 20})
	image := func(w, h int) []byte { return oip.FromBytes("", photo(w, h)).Raw }
	shape := fmt.Sprintf("[1,3,%d,%d]", side, side)
	huge := rawPixels(1)
	copy(huge, oip.FromFloats("", nil, []float32{3e38}).Raw)
	infinite := rawPixels(1)
	copy(infinite, oip.FromFloats("", nil, []float32{float32(math.Inf(1))}).Raw)
	for _, c := range []struct {
		model, input, datatype, shape string
		raw                           []byte
		more                          string
		status                        int
		want                          string
	}{
		{"resnet", "x", "UINT8", "[1]", []byte{1}, "", 404, `there is no model \"resnet\": want eomt or eomt_image`},
		{"eomt/versions/2", "x", "UINT8", "[1]", []byte{1}, "", 404, `has no version \"2\"`},
		{"eomt", "x", "UINT8", "[1]", []byte{1}, "", 400, "model eomt has one input, pixel_values"},
		{"eomt", "pixel_values", "UINT8", "[1]", []byte{1}, "", 400, "has shape [1]: want [N, 3, 32, 32], N from 1 to 4"},
		{"eomt", "pixel_values", "UINT8", "[5,3,32,32]", make([]byte, 5*3*side*side), "", 400, "N from 1 to 4"},
		{"eomt", "pixel_values", "UINT8", "[0,3,32,32]", nil, "", 400, "N from 1 to 4"},
		{"eomt", "pixel_values", "FP32", "[1,3,32,32]", []byte{1, 2, 3, 4}, "", 400, "has 3072 elements, the data have 1"},
		{"eomt", "pixel_values", "FP32", shape, infinite, "", 400, "values that are not finite"},
		{"eomt", "pixel_values", "FP32", shape, huge, "", 400, "class logits of these pixels are not numbers"},
		{"eomt", "pixel_values", "FP32", shape, rawPixels(1), `,"outputs":[{"name":"boxes"}]`, 400, `model eomt has no output \"boxes\"`},
		{"eomt", "pixel_values", "FP32", shape, rawPixels(1), `,"parameters":{"score":0.5}`, 400, "model eomt has none"},
		{"eomt_image", "image", "BYTES", "[1]", image(8, 8), `,"parameters":{"scores":0.5}`, 400, `parameter \"scores\" is not known`},
		{"eomt_image", "image", "BYTES", "[1]", image(8, 8), `,"parameters":{"score":2}`, 400, "want a number from 0 to 1"},
		{"eomt_image", "image", "UINT8", "[1]", []byte{1}, "", 400, "want one image file as BYTES of shape [1]"},
		{"eomt_image", "image", "BYTES", "[1]", oip.FromBytes("", []byte("no image")).Raw, "", 422, "image"},
		{"eomt_image", "image", "BYTES", "[1]", image(100, 100), "", 413, "at most 5000 are read"},
		{"eomt_image", "image", "BYTES", "[1]", make([]byte, 2<<20), "", 413, "larger than 1048576 bytes"},
	} {
		body, header := inferBody(c.input, c.datatype, c.shape, c.raw, c.more)
		status, _, raw := post(t, web.URL+"/v2/models/"+c.model+"/infer", body, header)
		if status != c.status || !strings.Contains(string(raw), c.want) || !strings.HasPrefix(string(raw), `{"error":`) {
			t.Errorf("%s %s: %d %s, want %d %s", c.model, c.shape, status, raw, c.status, c.want)
		}
	}
	if err := s.available(); err != nil {
		t.Errorf("a request's values made the network unavailable: %v", err)
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(make([]byte, 8<<20))
	z.Close()
	for _, c := range []struct {
		encoding string
		body     []byte
		status   int
		want     string
	}{
		{"gzip", bomb.Bytes(), 413, "larger than 1048576 bytes"},
		{"gzip", []byte("plain"), 400, "cannot be read"},
		{"deflate", []byte("plain"), 400, "cannot be read"},
		{"br", []byte("plain"), 415, "want gzip or deflate"},
	} {
		status, _, raw := post(t, web.URL+"/v2/models/eomt/infer", c.body, http.Header{"Content-Encoding": {c.encoding}})
		if status != c.status || !strings.Contains(string(raw), c.want) {
			t.Errorf("%s: %d %s", c.encoding, status, raw)
		}
	}
	if len(s.accepted) != 0 || len(s.uploads) != 0 {
		t.Errorf("%d places are not given back", len(s.accepted)+len(s.uploads))
	}
}

func TestInferenceState(t *testing.T) {
	n := &stub{}
	s, web := startNetwork(t, networkOf(n, postprocess.TaskPanoptic), Options{})
	for path, want := range map[string]string{
		"/v2":                          `"extensions":["binary_tensor_data","model_configuration"]`,
		"/v2/health/live":              `{"live":true}`,
		"/v2/health/ready":             `{"ready":true}`,
		"/v2/models/eomt":              `"inputs":[{"name":"pixel_values","datatype":"UINT8","shape":[-1,3,32,32]}]`,
		"/v2/models/eomt/ready":        `"ready":true`,
		"/v2/models/eomt_image/config": `"max_batch_size":0,"input":[{"name":"image","data_type":"TYPE_STRING","dims":[1]}]`,
		"/v2/models/eomt/versions/1":   `{"name":"masks_queries_logits","datatype":"FP32","shape":[-1,3,8,8]}`,
		"/v2/models/eomt/config":       `"max_batch_size":4`,
	} {
		if status, text := get(t, web.URL+path); status != 200 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if status, text := get(t, web.URL+"/v2/models/other/ready"); status != 404 || !strings.Contains(text, "there is no model") {
		t.Errorf("%d %s", status, text)
	}
	body, header := inferBody(pixelValues, oip.FP32, fmt.Sprintf("[1,3,%d,%d]", side, side), rawPixels(1), "")
	if status, _, raw := post(t, web.URL+"/v2/models/eomt/infer", body, header); status != 400 || !strings.Contains(string(raw), "want UINT8, pixels from 0 to 255") {
		t.Errorf("floats for a network of bytes: %d %s", status, raw)
	}
	s.draining.Store(true)
	for _, path := range []string{"/v2/health/ready", "/v2/models/eomt/ready"} {
		if status, text := get(t, web.URL+path); status != 503 || !strings.Contains(text, `{"error":"the server is shutting down"}`) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if status, _, raw := post(t, web.URL+"/v2/models/eomt/infer", body, header); status != 503 {
		t.Errorf("%d %s", status, raw)
	}
	s.draining.Store(false)
	for range cap(s.accepted) {
		s.accepted <- struct{}{}
	}
	if status, answered, raw := post(t, web.URL+"/v2/models/eomt/infer", body, header); status != 429 || answered.Get("Retry-After") == "" {
		t.Errorf("%d %s", status, raw)
	}
}

func TestInferAsksForToken(t *testing.T) {
	_, web := startNetwork(t, networkOf(&stub{}, postprocess.TaskPanoptic), Options{Token: "secret"})
	for path, want := range map[string]int{"/v2": 401, "/v2/models/eomt": 401, "/v2/health/ready": 200} {
		if status, text := get(t, web.URL+path); status != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if status, _, raw := post(t, web.URL+"/v2/models/eomt/infer", nil, nil); status != 401 || !strings.Contains(string(raw), "bears no valid token") {
		t.Errorf("%d %s", status, raw)
	}
}
