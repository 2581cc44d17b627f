package serve

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"eomt/data/rle"
	"eomt/eval/postprocess"
)

func TestJSONOfEachTask(t *testing.T) {
	for task, want := range map[postprocess.Task][]string{
		postprocess.TaskPanoptic: {"cat", "sky"},
		postprocess.TaskInstance: {"cat", "cat"}, // the thing classes of a network without stuff
		postprocess.TaskSemantic: {"cat", "sky"},
	} {
		_, web := start(t, &stub{}, task, Options{})
		status, header, raw := post(t, web.URL+"/v1/segment?score=0.5", photo(40, 30), nil)
		if status != http.StatusOK || header.Get("Content-Type") != "application/json" {
			t.Fatalf("%s: %d %s", task, status, raw)
		}
		var a answer
		if err := json.Unmarshal(raw, &a); err != nil {
			t.Fatal(err)
		}
		if a.Width != 40 || a.Height != 30 || a.Task != string(task) || len(a.Segments) < len(want) {
			t.Fatalf("%s: %s", task, raw)
		}
		for i, one := range a.Segments[:len(want)] {
			mask, err := rle.FromString(one.Mask.Counts, one.Mask.Size[0], one.Mask.Size[1])
			if err != nil || mask.Area() != one.Area || one.ID != i+1 || (one.Score == nil) != (task == postprocess.TaskSemantic) {
				t.Errorf("%s: %+v, %v", task, one, err)
			}
			if task != postprocess.TaskInstance && one.Class != want[i] {
				t.Errorf("%s: segment %d is %s, want %s", task, i, one.Class, want[i])
			}
		}
	}
}

func TestPictures(t *testing.T) {
	_, web := start(t, &stub{}, postprocess.TaskPanoptic, Options{})
	for accept, size := range map[string]image.Point{"image/png": {40, 30}, "image/png;of=overlay": {320, 240}, "text/html, image/png;q=0.9, application/json;q=0.1": {40, 30}} {
		status, header, raw := post(t, web.URL+"/v1/segment", photo(40, 30), http.Header{"Accept": {accept}})
		picture, err := png.Decode(bytes.NewReader(raw))
		if err != nil || status != 200 || header.Get("Content-Type") != "image/png" {
			t.Fatalf("%s: %d, %v", accept, status, err)
		}
		if picture.Bounds().Size() != size {
			t.Errorf("%s: %v", accept, picture.Bounds())
		}
		if labels, ok := picture.(*image.Gray16); ok && (labels.Gray16At(2, 2).Y != 1 || labels.Gray16At(38, 2).Y != 2) {
			t.Errorf("label map: %d, %d; want 1 (cat) on the left and 2 (sky)", labels.Gray16At(2, 2).Y, labels.Gray16At(38, 2).Y)
		}
	}
}

func TestForm(t *testing.T) {
	_, web := start(t, &stub{}, postprocess.TaskPanoptic, Options{})
	form := func(fields map[string]string, images int) (body []byte, header http.Header) {
		var out bytes.Buffer
		w := multipart.NewWriter(&out)
		for name, value := range fields {
			_ = w.WriteField(name, value)
		}
		for range images {
			part, _ := w.CreateFormFile("image", "photo.png")
			_, _ = part.Write(photo(40, 30))
		}
		w.Close()
		return out.Bytes(), http.Header{"Content-Type": {w.FormDataContentType()}}
	}
	body, header := form(map[string]string{"score": "0.999"}, 1)
	if status, _, raw := post(t, web.URL+"/v1/segment", body, header); status != 200 || !strings.Contains(string(raw), `"segments":[]`) {
		t.Errorf("a threshold that no query reaches: %d %s", status, raw)
	}
	body, header = form(nil, 0)
	if status, _, raw := post(t, web.URL+"/v1/segment", body, header); status != 400 || !strings.Contains(string(raw), "has no image") {
		t.Errorf("no image: %d %s", status, raw)
	}
	body, header = form(nil, 2)
	if status, _, raw := post(t, web.URL+"/v1/segment", body, header); status != 400 || !strings.Contains(string(raw), "more than one image") {
		t.Errorf("two images: %d %s", status, raw)
	}
}

func TestRefusedRequests(t *testing.T) {
	_, web := start(t, &stub{}, postprocess.TaskPanoptic, Options{Body: 20_000, Pixels: 5000, Token: "secret", CheckHost: true})
	bearer := http.Header{"Authorization": {"Bearer secret"}}
	with := func(name, value string) http.Header {
		h := bearer.Clone()
		h.Set(name, value)
		return h
	}
	for _, c := range []struct {
		name, query string
		body        []byte
		header      http.Header
		status      int
		text        string
	}{
		{"no token", "", photo(4, 4), nil, 401, "bears no valid token"},
		{"wrong token", "", photo(4, 4), http.Header{"Authorization": {"Bearer secre"}}, 401, "bears no valid token"},
		{"no scheme", "", photo(4, 4), http.Header{"Authorization": {"secret"}}, 401, "bears no valid token"},
		{"another site", "", photo(4, 4), with("Sec-Fetch-Site", "cross-site"), 403, "other sites"},
		{"broken query", "?score=%zz", photo(4, 4), bearer, 400, "the query cannot be read"},
		{"misspelt", "?scor=0.1", photo(4, 4), bearer, 400, `parameter \"scor\" is not known`},
		{"score", "?score=1.5", photo(4, 4), bearer, 400, "a number from 0 to 1"},
		{"NaN", "?score=NaN", photo(4, 4), bearer, 400, "a number from 0 to 1"},
		{"top_k", "?top_k=0", photo(4, 4), bearer, 400, "1 to 1000"},
		{"accept", "", photo(4, 4), with("Accept", "text/html"), 406, "image/png;of=overlay"},
		{"empty", "", nil, bearer, 400, "has no image"},
		{"no image", "", []byte("hello"), bearer, 422, "not a readable image"},
		{"truncated", "", photo(40, 40)[:80], bearer, 422, "PNG"},
		{"body", "", make([]byte, 20_001), bearer, 413, "larger than 20000 bytes"},
		{"pixels", "", photo(100, 51), bearer, 413, "100 x 51 pixels; at most 5000"},
	} {
		status, header, raw := post(t, web.URL+"/v1/segment"+c.query, c.body, c.header)
		var e map[string]string
		if err := json.Unmarshal(raw, &e); err != nil || status != c.status || !strings.Contains(string(raw), c.text) || header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s (%v)", c.name, status, raw, err)
		}
	}
	if status, text := get(t, web.URL+"/nothing"); status != 404 || !strings.Contains(text, "no such route") {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := get(t, web.URL+"/metrics"); status != 401 {
		t.Errorf("metrics without the token: %d", status)
	}
	request, _ := http.NewRequest(http.MethodGet, web.URL+"/healthz", nil)
	request.Host = "evil.example"
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 403 {
		t.Errorf("a name that is not ours: %d", response.StatusCode)
	}
}

// Every request has its own thresholds, also within a batch.
func TestThresholds(t *testing.T) {
	for task, cases := range map[postprocess.Task]map[string]string{
		postprocess.TaskPanoptic: {"": "cat sky", "?score=0.99": "cat", "?score=0.999": "", "?score=0.5&overlap=1": "cat"},
		postprocess.TaskInstance: {"": "cat sky cat", "?score=0.5&top_k=1": "cat", "?score=1": "", "?score=0.94": "cat sky"},
	} {
		_, web := start(t, &stub{}, task, Options{Batch: 4, Wait: 50 * time.Millisecond})
		var clients sync.WaitGroup
		for query, want := range cases {
			clients.Go(func() {
				status, _, raw := post(t, web.URL+"/v1/segment"+query, photo(40, 30), nil)
				var a answer
				if err := json.Unmarshal(raw, &a); err != nil || status != 200 {
					t.Errorf("%s%s: %d %s", task, query, status, raw)
				}
				var names []string
				for _, one := range a.Segments {
					names = append(names, one.Class)
				}
				if got := strings.Join(names, " "); got != want {
					t.Errorf("%s%s: %q, want %q: %s", task, query, got, want, raw)
				}
			})
		}
		clients.Wait()
	}
}
