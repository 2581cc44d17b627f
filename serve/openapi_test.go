package serve

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"eomt/eval/postprocess"
)

// The answers are those that the document promises.
func TestOpenAPI(t *testing.T) {
	document, err := openapi3.NewLoader().LoadFromData(openapiJSON)
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range []postprocess.Task{postprocess.TaskPanoptic, postprocess.TaskInstance, postprocess.TaskSemantic} {
		s, _ := start(t, &stub{}, task, Options{Pixels: 5000})
		for _, c := range []struct {
			method, path, accept string
			body                 []byte
			status               int
		}{
			{"POST", "/v1/segment?candidates=true", "", photo(40, 30), 200},
			{"POST", "/v1/segment", "image/png", photo(40, 30), 200},
			{"POST", "/v1/segment?score=0.9", "", photo(40, 30), 200},
			{"POST", "/v1/segment", "", photo(100, 100), 413},
			{"POST", "/v1/segment", "", []byte("no image"), 422},
			{"GET", "/v1/model", "", nil, 200},
			{"GET", "/healthz", "", nil, 200},
			{"GET", "/readyz", "", nil, 200},
			{"GET", "/openapi.json", "", nil, 200},
			{"GET", "/v2", "", nil, 200},
			{"GET", "/v2/health/live", "", nil, 200},
			{"GET", "/v2/health/ready", "", nil, 200},
			{"GET", "/v2/models/eomt", "", nil, 200},
			{"GET", "/v2/models/eomt_image/versions/1", "", nil, 200},
			{"GET", "/v2/models/eomt/versions/2", "", nil, 404},
			{"GET", "/v2/models/eomt/ready", "", nil, 200},
			{"GET", "/v2/models/eomt/config", "", nil, 200},
			{"POST", "/v2/models/eomt/infer", "", fmt.Appendf(nil, `{"inputs":[{"name":"pixel_values","datatype":"UINT8","shape":[1,3,32,32],"data":[%s0]}]}`, strings.Repeat("0,", 3*side*side-1)), 200},
			{"POST", "/v2/models/eomt/infer", "", []byte("{}"), 400},
		} {
			request := httptest.NewRequest(c.method, c.path, bytes.NewReader(c.body))
			request.Host = "localhost"
			if c.body != nil {
				request.Header.Set("Content-Type", "application/octet-stream")
			}
			if c.accept != "" {
				request.Header.Set("Accept", c.accept)
			}
			route, params, err := router.FindRoute(request)
			if err != nil {
				t.Fatalf("%s: %v", c.path, err)
			}
			input := &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route,
				Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, ExcludeRequestBody: true}}
			if err := openapi3filter.ValidateRequest(t.Context(), input); err != nil {
				t.Errorf("%s %s: request: %v", c.method, c.path, err)
			}
			out := httptest.NewRecorder()
			s.Handler().ServeHTTP(out, request)
			if out.Code != c.status {
				t.Errorf("%s %s: %d %s", c.method, c.path, out.Code, out.Body)
			}
			response := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: out.Code, Header: out.Header(),
				Options: &openapi3filter.Options{IncludeResponseStatus: true}}
			if !strings.HasPrefix(out.Header().Get("Content-Type"), "image/") {
				response.SetBodyBytes(out.Body.Bytes())
				if err := openapi3filter.ValidateResponse(t.Context(), response); err != nil {
					t.Errorf("%s %s: %v", c.method, c.path, err)
				}
			}
		}
	}
}

// Every route of the document exists, and metrics are Prometheus's.
func TestMetrics(t *testing.T) {
	_, web := start(t, &stub{}, postprocess.TaskPanoptic, Options{})
	post(t, web.URL+"/v1/segment", photo(16, 16), nil)
	status, text := get(t, web.URL+"/metrics")
	for _, line := range []string{`eomt_requests_total{code="200",route="POST /v1/segment"} 1`, "eomt_ready 1", "eomt_batch_inputs_sum 1", "eomt_segment_seconds_count 1", "eomt_unanswered 0"} {
		if status != http.StatusOK || !strings.Contains(text, line) {
			t.Errorf("%d: no line %s", status, line)
		}
	}
}
