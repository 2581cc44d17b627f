package serve

import (
	"bytes"
	"encoding/json"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"

	"eomt/data/rle"
	"eomt/eval/postprocess"
)

// FuzzSegment sends arbitrary requests. Each is answered by what was asked for or by a
// refusal in JSON which blames the client, and gives its place back.
func FuzzSegment(f *testing.F) {
	const form = "multipart/form-data; boundary=b"
	field := func(name, value string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	image := photo(12, 9)
	for _, c := range []struct {
		body                []byte
		kind, query, accept string
	}{
		{image, "", "", ""},
		{image, "image/png", "score=0.5&overlap=0.1&top_k=3&candidates=true", "application/json"},
		{image, "application/octet-stream", "score=1e999", "image/png"},
		{image[:40], "", "score=%zz;", "image/png;of=overlay"},
		{[]byte(field("score", "0.2") + field("image", string(image)) + field("candidates", "1") + "--b--\r\n"), form, "", "text/html;q=0.1, */*;q=0.01"},
		{[]byte(field("image", "http://127.0.0.1/") + field("image", "")), form, "", "image/*"},
		{[]byte(field("", "")), "multipart/form-data", "=&&x", "q=;"},
		{[]byte("--\r\n\r\n----"), "multipart/form-data; boundary=\"\"", "", ","},
		{fixCRC(bytes.Clone(image)), "multipart/mixed; boundary=b", "top_k=-1", "image/png;of=labels"},
	} {
		for task := range uint8(3) {
			f.Add(c.body, c.kind, c.query, c.accept, task)
		}
	}
	tasks := []postprocess.Task{postprocess.TaskPanoptic, postprocess.TaskInstance, postprocess.TaskSemantic}
	var servers []*Server
	for _, task := range tasks {
		s, err := New(networkOf(&stub{}, task), Options{Pixels: 4096, Body: 1 << 16})
		if err != nil {
			f.Fatal(err)
		}
		f.Cleanup(s.Close)
		if err := s.Warmed(f.Context()); err != nil {
			f.Fatal(err)
		}
		servers = append(servers, s)
	}
	f.Fuzz(func(t *testing.T, body []byte, kind, query, accept string, task uint8) {
		s := servers[int(task)%len(servers)]
		request := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/v1/segment", RawQuery: query}, Host: "localhost", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: -1}
		if accept != "" {
			request.Header["Accept"] = []string{accept}
		}
		out := httptest.NewRecorder()
		s.Handler().ServeHTTP(out, request.WithContext(t.Context()))
		if len(s.accepted) > 0 || len(s.uploads) > 0 || len(s.decoders) > 0 {
			t.Fatal("it keeps its place")
		}
		if out.Code != http.StatusOK {
			checkRefusal(t, out)
			return
		}
		switch kind := out.Header().Get("Content-Type"); kind {
		case "application/json":
			checkAnswer(t, out.Body.Bytes())
		case "image/png":
			if _, err := png.Decode(out.Body); err != nil {
				t.Error(err)
			}
		default:
			t.Errorf("an answer of type %q", kind)
		}
	})
}

func checkRefusal(t *testing.T, out *httptest.ResponseRecorder) {
	var e struct{ Error string }
	if err := json.Unmarshal(out.Body.Bytes(), &e); err != nil || e.Error == "" || !slices.Contains([]int{400, 406, 413, 422}, out.Code) {
		t.Errorf("%d %s: %v", out.Code, out.Body, err)
	}
}

func checkAnswer(t *testing.T, raw []byte) {
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatal(err)
	}
	masks := 0
	check := func(m cocoRLE, area int) {
		mask, err := rle.FromString(m.Counts, m.Size[0], m.Size[1])
		if err != nil || m.Size != [2]int{a.Height, a.Width} || area >= 0 && mask.Area() != area {
			t.Errorf("mask %d of %v pixels in %d x %d: %v", masks, m.Size, a.Width, a.Height, err)
		}
		masks++
	}
	for _, one := range a.Segments {
		check(one.Mask, one.Area)
	}
	if a.Candidates != nil {
		for _, one := range a.Candidates.List {
			check(one.Takes, -1)
		}
	}
}
