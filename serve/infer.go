package serve

import (
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strconv"

	"eomt/internal/panics"
	"eomt/serve/oip"
)

// headerLength names the header with the bytes of JSON before binary tensors.
const headerLength = "Inference-Header-Content-Length"

// inferenceRoutes are those of the Open Inference Protocol, version 2.
func (s *Server) inferenceRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v2/health/live", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]bool{"live": true})
	})
	mux.HandleFunc("GET /v2/health/ready", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.available(); err != nil {
			refusalOf(err).write(w)
			return
		}
		writeJSON(w, http.StatusOK, map[string]bool{"ready": true})
	})
	mux.Handle("GET /v2", s.guarded(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.serverMetadata()) })))
	for _, prefix := range []string{"/v2/models/{model}", "/v2/models/{model}/versions/{version}"} {
		mux.Handle("GET "+prefix, s.guarded(s.ofModel(func(w http.ResponseWriter, _ *http.Request, m model) error {
			writeJSON(w, http.StatusOK, m.metadata())
			return nil
		})))
		mux.Handle("GET "+prefix+"/ready", s.guarded(s.ofModel(func(w http.ResponseWriter, _ *http.Request, m model) error {
			if err := s.available(); err != nil {
				return err
			}
			writeJSON(w, http.StatusOK, modelState{m.name, true})
			return nil
		})))
		mux.Handle("GET "+prefix+"/config", s.guarded(s.ofModel(func(w http.ResponseWriter, _ *http.Request, m model) error {
			writeJSON(w, http.StatusOK, m.config())
			return nil
		})))
		mux.Handle("POST "+prefix+"/infer", s.guarded(s.ofModel(s.infer)))
	}
}

// ofModel finds the model that the path names.
func (s *Server) ofModel(answer func(http.ResponseWriter, *http.Request, model) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := panics.Recover(func() error {
			m, err := s.model(r.PathValue("model"), r.PathValue("version"))
			if err != nil {
				return err
			}
			return answer(w, r, m)
		})
		if err == nil {
			return
		}
		refused := refusalOf(err)
		if refused.status >= http.StatusInternalServerError {
			s.options.Log.Warn("not answered", "error", err)
		}
		refused.write(w)
	}
}

// infer answers POST .../infer.
func (s *Server) infer(w http.ResponseWriter, r *http.Request, m model) error {
	var body []byte
	err := s.accept(func() error {
		return s.receive(w, r, func(raw io.Reader) (err error) {
			body, err = s.uncompressed(raw, r.Header.Get("Content-Encoding"))
			return err
		})
	})
	if err != nil {
		return err
	}
	defer s.leave()
	request, err := oip.ParseHTTP(body, r.Header.Get(headerLength))
	if err != nil {
		return refuse(http.StatusBadRequest, "%v", err)
	}
	response, err := m.answer(r.Context(), s, request)
	if err != nil {
		return err
	}
	out, header, err := response.HTTP(request)
	if err != nil {
		return refuse(http.StatusBadRequest, "%v", err)
	}
	w.Header().Set("Content-Type", "application/json")
	if header > 0 {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set(headerLength, strconv.Itoa(header))
	}
	_, _ = w.Write(out) // a client that has gone
	return nil
}

// uncompressed reads a body, whose limit also holds for what it unpacks to.
func (s *Server) uncompressed(body io.Reader, encoding string) (raw []byte, err error) {
	switch encoding {
	case "", "identity":
		return io.ReadAll(body)
	case "gzip":
		body, err = gzip.NewReader(body)
	case "deflate":
		body, err = zlib.NewReader(body)
	default:
		return nil, refuse(http.StatusUnsupportedMediaType, "Content-Encoding %q: want gzip or deflate", encoding)
	}
	if err != nil {
		return nil, err
	}
	if raw, err = io.ReadAll(io.LimitReader(body, s.options.Body+1)); err == nil && int64(len(raw)) > s.options.Body {
		err = s.tooLarge()
	}
	return raw, err
}

// serverMetadata is the answer of GET /v2.
func (s *Server) serverMetadata() serverState {
	return serverState{Name: "eomt", Version: modelVersion, Extensions: []string{"binary_tensor_data", "model_configuration"}}
}

type serverState struct {
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Extensions []string `json:"extensions"`
}

type modelState struct {
	Name  string `json:"name"`
	Ready bool   `json:"ready"`
}

type modelMetadata struct {
	Name     string      `json:"name"`
	Versions []string    `json:"versions"`
	Platform string      `json:"platform"`
	Inputs   []tensorRow `json:"inputs"`
	Outputs  []tensorRow `json:"outputs"`
}

func (m model) metadata() modelMetadata {
	return modelMetadata{m.name, []string{modelVersion}, platform, m.inputs, m.outputs}
}

// modelConfig is of Triton's configuration what clients need to form requests.
type modelConfig struct {
	Name     string      `json:"name"`
	Platform string      `json:"platform"`
	Most     int         `json:"max_batch_size"` // 0: the model has no batch axis
	Inputs   []configRow `json:"input"`
	Outputs  []configRow `json:"output"`
}

type configRow struct {
	Name string  `json:"name"`
	Type string  `json:"data_type"`
	Dims []int64 `json:"dims"` // without the batch axis
}

func (m model) config() modelConfig {
	c := modelConfig{Name: m.name, Platform: platform}
	batched := m.inputs[0].Shape[0] < 0
	if batched {
		c.Most = m.most
	}
	rows := func(tensors []tensorRow) (rows []configRow) {
		types := map[string]string{oip.FP32: "TYPE_FP32", oip.UINT8: "TYPE_UINT8", oip.BYTES: "TYPE_STRING"}
		for _, t := range tensors {
			dims := t.Shape
			if batched {
				dims = dims[1:]
			}
			rows = append(rows, configRow{t.Name, types[t.Datatype], dims})
		}
		return rows
	}
	c.Inputs, c.Outputs = rows(m.inputs), rows(m.outputs)
	return c
}
