package serve

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"eomt/eval/postprocess"
)

// settings are what a request may choose.
type settings struct {
	score      float64 // least class probability of panoptic segments, score of instances
	overlap    float64 // panoptic: see [postprocess.PanopticOptions]
	topK       int     // instance: see [postprocess.Options]
	candidates bool    // also describe what other thresholds would give
	form       string  // of the answer: [formJSON], [formLabels] or [formOverlay]
}

// shownInstances is the least score of instances by default.
const shownInstances = .5

// defaults are the weights' thresholds.
func (s *Server) defaults() settings {
	d := settings{score: s.network.Score, overlap: s.network.Overlap, topK: s.network.TopK, form: formJSON}
	if s.network.Task == postprocess.TaskInstance {
		d.score = shownInstances
	}
	return d
}

// set takes parameters of a query or a form. Names that are not known are refused:
// a misspelt threshold must not be the default.
func (c *settings) set(values url.Values) error {
	for name, given := range values {
		text := given[len(given)-1]
		var err error
		switch name {
		case "score":
			c.score, err = share(text)
		case "overlap":
			c.overlap, err = share(text)
		case "top_k":
			c.topK, err = strconv.Atoi(text)
			if err == nil && (c.topK < 1 || c.topK > 1000) {
				err = errors.New("want 1 to 1000")
			}
		case "candidates":
			c.candidates, err = strconv.ParseBool(text)
		default:
			return refuse(http.StatusBadRequest, "parameter %q is not known: want score, overlap, top_k or candidates", name)
		}
		if err != nil {
			return refuse(http.StatusBadRequest, "parameter %s=%q: want %s", name, text, map[string]string{
				"score": "a number from 0 to 1", "overlap": "a number from 0 to 1", "top_k": "a whole number from 1 to 1000", "candidates": "true or false"}[name])
		}
	}
	return nil
}

func share(text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err == nil && !(v >= 0 && v <= 1) {
		err = strconv.ErrRange
	}
	return v, err
}

// read takes image and settings from a request: the body is the image, or a form with
// the field "image". It stops at the limits of size and time.
func (s *Server) read(w http.ResponseWriter, r *http.Request) (raw []byte, c settings, err error) {
	c = s.defaults()
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, c, refuse(http.StatusBadRequest, "the query cannot be read: %v", err)
	}
	if err := c.set(values); err != nil {
		return nil, c, err
	}
	err = s.receive(w, r, func(body io.Reader) (err error) {
		kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if kind == "multipart/form-data" {
			raw, err = c.readForm(multipart.NewReader(body, params["boundary"]))
		} else {
			raw, err = io.ReadAll(body)
		}
		return err
	})
	if err == nil && len(raw) == 0 {
		err = refuse(http.StatusBadRequest, "the request has no image: send its file as the body, or as the field \"image\" of a form")
	}
	return raw, c, err
}

// receive lets take read a request's body within the limits of size and time.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, take func(body io.Reader) error) (err error) {
	if r.ContentLength > s.options.Body {
		return s.tooLarge()
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(s.options.Upload)) // tests' writers have none
	defer func() {
		if err == nil { // what follows only waits for the client to go
			_ = control.SetReadDeadline(time.Time{})
		}
	}()
	err = take(http.MaxBytesReader(w, r.Body, s.options.Body))
	var long *http.MaxBytesError
	var known *refusal
	switch {
	case errors.As(err, &long):
		return s.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(http.StatusRequestTimeout, "the request's body did not arrive within %v", s.options.Upload)
	case r.Context().Err() != nil:
		return context.Canceled
	case err != nil && !errors.As(err, &known):
		return refuse(http.StatusBadRequest, "the request's body cannot be read: %v", err)
	}
	return err
}

func (s *Server) tooLarge() error {
	return refuse(http.StatusRequestEntityTooLarge, "the request's body is larger than %d bytes", s.options.Body)
}

// readForm reads the parts of a form, of which one is the image.
func (c *settings) readForm(form *multipart.Reader) (raw []byte, err error) {
	values := url.Values{}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return raw, c.set(values)
		}
		if err != nil {
			return nil, err
		}
		if part.FormName() == "image" {
			if raw != nil {
				return nil, refuse(http.StatusBadRequest, "the form has more than one image")
			}
			if raw, err = io.ReadAll(part); err != nil {
				return nil, err
			}
			continue
		}
		text, err := io.ReadAll(io.LimitReader(part, 64))
		if err != nil {
			return nil, err
		}
		values.Add(part.FormName(), string(text))
		if len(values) > 8 {
			return nil, refuse(http.StatusBadRequest, "the form has too many fields")
		}
	}
}

// The forms of an answer.
const (
	formJSON    = "json"
	formLabels  = "labels"
	formOverlay = "overlay"
)

// wanted chooses the form of the answer: application/json (also */* and none),
// image/png, which is the label map, or image/png;of=overlay.
func wanted(accept []string) (string, error) {
	best, weight := "", 0.
	for _, header := range accept {
		for _, one := range strings.Split(header, ",") {
			kind, params, err := mime.ParseMediaType(one)
			if err != nil {
				continue
			}
			form := ""
			switch {
			case slices.Contains([]string{"*/*", "application/*", "application/json"}, kind):
				form = formJSON
			case (kind == "image/png" || kind == "image/*") && (params["of"] == "" || params["of"] == formLabels):
				form = formLabels
			case kind == "image/png" && params["of"] == formOverlay:
				form = formOverlay
			}
			q := 1.
			if text, given := params["q"]; given {
				q, _ = strconv.ParseFloat(text, 64)
			}
			if form != "" && q > weight {
				best, weight = form, q
			}
		}
	}
	if best == "" && len(accept) > 0 {
		return "", refuse(http.StatusNotAcceptable, "the Accept header names nothing that there is: want application/json, image/png (the label map) or image/png;of=overlay")
	}
	if best == "" {
		best = formJSON
	}
	return best, nil
}
