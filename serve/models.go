package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"eomt/eval/postprocess"
	"eomt/serve/oip"
)

// The models that clients of the Open Inference Protocol see.
const (
	rawModel     = "eomt"       // pixels to logits
	imageModel   = "eomt_image" // an image file to the JSON of POST /v1/segment
	modelVersion = "1"
	platform     = "eomt"
)

// Their tensors; the logits are named as in Hugging Face's model and exported files.
const (
	pixelValues  = "pixel_values"
	classLogits  = "class_queries_logits"
	maskLogits   = "masks_queries_logits"
	imageFile    = "image"
	segmentsJSON = "segments"
)

// model is a model of the Open Inference Protocol.
type model struct {
	name            string
	inputs, outputs []tensorRow
	most            int // images of a request
	infer           func(ctx context.Context, r *oip.Request) ([]oip.Tensor, error)
}

type tensorRow struct {
	Name     string  `json:"name"`
	Datatype string  `json:"datatype"`
	Shape    []int64 `json:"shape"` // -1: any
}

// mostImages bounds the answer to one request where batches are smaller.
const mostImages = 4

func (s *Server) models() []model {
	a := s.network.Architecture
	datatype := oip.FP32
	if s.network.Pixels == nil {
		datatype = oip.UINT8
	}
	return []model{
		{name: rawModel, most: max(s.options.Batch, mostImages), infer: s.logits,
			inputs: []tensorRow{{pixelValues, datatype, []int64{-1, 3, int64(a.ImageH()), int64(a.ImageW())}}},
			outputs: []tensorRow{{classLogits, oip.FP32, []int64{-1, int64(a.Queries), int64(a.Classes + 1)}},
				{maskLogits, oip.FP32, []int64{-1, int64(a.Queries), int64(a.MaskH()), int64(a.MaskW())}}}},
		{name: imageModel, most: 1, infer: s.segments,
			inputs:  []tensorRow{{imageFile, oip.BYTES, []int64{1}}},
			outputs: []tensorRow{{segmentsJSON, oip.BYTES, []int64{1}}}},
	}
}

// model finds a model; an empty version is the only one.
func (s *Server) model(name, version string) (model, error) {
	models := s.models()
	i := slices.IndexFunc(models, func(m model) bool { return m.name == name })
	if i < 0 {
		return model{}, refuse(http.StatusNotFound, "there is no model %q: want %s or %s", name, rawModel, imageModel)
	}
	if version != "" && version != modelVersion {
		return model{}, refuse(http.StatusNotFound, "model %s has no version %q: want %s", name, version, modelVersion)
	}
	return models[i], nil
}

// answer computes what an accepted request asks for.
func (m model) answer(ctx context.Context, s *Server, r *oip.Request) (*oip.Response, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, s.options.Answer, errLate)
	defer cancel()
	for _, o := range r.Outputs {
		if !slices.ContainsFunc(m.outputs, func(t tensorRow) bool { return t.Name == o.Name }) {
			return nil, refuse(http.StatusBadRequest, "model %s has no output %q", m.name, o.Name)
		}
	}
	if len(r.Inputs) != 1 || r.Inputs[0].Name != m.inputs[0].Name {
		return nil, refuse(http.StatusBadRequest, "model %s has one input, %s", m.name, m.inputs[0].Name)
	}
	outputs, err := m.infer(ctx, r)
	if err != nil {
		return nil, err
	}
	s.metrics.seconds.Observe(time.Since(began).Seconds())
	return &oip.Response{Model: m.name, Version: modelVersion, ID: r.ID, Outputs: outputs}, nil
}

// wants reports whether an output is asked for.
func wants(r *oip.Request, name string) bool {
	return len(r.Outputs) == 0 || slices.ContainsFunc(r.Outputs, func(o oip.Output) bool { return o.Name == name })
}

// ignored are parameters that clients send and that change nothing here: models have no
// state, and every request waits in the same queue.
var ignored = []string{"binary_data_output", "sequence_id", "sequence_start", "sequence_end", "priority", "timeout"}

// segments is the image model.
func (s *Server) segments(ctx context.Context, r *oip.Request) ([]oip.Tensor, error) {
	in := r.Inputs[0]
	values := url.Values{}
	for name, v := range r.Parameters {
		if !slices.Contains(ignored, name) {
			values.Set(name, fmt.Sprint(v))
		}
	}
	c := s.defaults()
	if err := c.set(values); err != nil {
		return nil, err
	}
	elements, err := in.Elements()
	if in.Datatype != oip.BYTES || err != nil || len(elements) != 1 || len(elements[0]) == 0 {
		return nil, refuse(http.StatusBadRequest, "input %s: want one image file as BYTES of shape [1]", in.Name)
	}
	began := time.Now()
	found, err := s.find(ctx, elements[0], c)
	if err != nil {
		return nil, err
	}
	found.began = began
	raw, err := json.Marshal(s.answer(found))
	if err != nil {
		return nil, err
	}
	out := oip.FromBytes(segmentsJSON, raw)
	out.Shape = in.Shape
	return []oip.Tensor{out}, nil
}

// logits is the raw model.
func (s *Server) logits(ctx context.Context, r *oip.Request) ([]oip.Tensor, error) {
	for name := range r.Parameters {
		if !slices.Contains(ignored, name) {
			return nil, refuse(http.StatusBadRequest, "parameter %q is not known: model %s has none", name, rawModel)
		}
	}
	inputs, err := s.rawInputs(r.Inputs[0])
	if err != nil {
		return nil, err
	}
	found, err := s.queue.await(ctx, inputs)
	if err != nil {
		return nil, err
	}
	var classes, masks []float32
	for _, l := range found {
		if wants(r, classLogits) {
			classes = append(classes, l.Class...)
		}
		if wants(r, maskLogits) {
			masks = appendQueriesFirst(masks, l)
		}
	}
	l, n := found[0], int64(len(found))
	var outputs []oip.Tensor
	if wants(r, classLogits) {
		outputs = append(outputs, oip.FromFloats(classLogits, []int64{n, int64(l.Queries), int64(l.Classes + 1)}, classes))
	}
	if wants(r, maskLogits) {
		outputs = append(outputs, oip.FromFloats(maskLogits, []int64{n, int64(l.Queries), int64(l.MaskH), int64(l.MaskW)}, masks))
	}
	return outputs, nil
}

// rawInputs splits pixel values [N, 3, H, W] into images.
func (s *Server) rawInputs(t oip.Tensor) ([]*input, error) {
	a := s.network.Architecture
	m, _ := s.model(rawModel, "")
	want := m.inputs[0]
	if len(t.Shape) != 4 || !slices.Equal(t.Shape[1:], want.Shape[1:]) || t.Shape[0] < 1 || t.Shape[0] > int64(m.most) {
		return nil, refuse(http.StatusBadRequest, "input %s has shape %v: want [N, 3, %d, %d], N from 1 to %d", t.Name, t.Shape, a.ImageH(), a.ImageW(), m.most)
	}
	size := a.ImageH() * a.ImageW()
	inputs := make([]*input, t.Shape[0])
	switch {
	case t.Datatype == oip.UINT8:
		for i := range inputs {
			inputs[i] = &input{image: interleaved(t.Raw[3*i*size:3*(i+1)*size], size)}
		}
	case t.Datatype == oip.FP32 && s.network.Pixels != nil:
		values := t.Floats()
		for _, v := range values {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return nil, refuse(http.StatusBadRequest, "input %s has values that are not finite", t.Name)
			}
		}
		for i := range inputs {
			inputs[i] = &input{pixels: values[3*i*size : 3*(i+1)*size]}
		}
	default:
		kinds := oip.UINT8 + ", pixels from 0 to 255"
		if s.network.Pixels != nil {
			kinds += ", or " + oip.FP32 + ", normalised"
		}
		return nil, refuse(http.StatusBadRequest, "input %s has datatype %s: want %s", t.Name, strings.TrimSpace(t.Datatype), kinds)
	}
	return inputs, nil
}

// interleaved turns [3, size] into [size, 3].
func interleaved(planes []uint8, size int) []uint8 {
	out := make([]uint8, len(planes))
	for c := range 3 {
		for at, v := range planes[c*size : (c+1)*size] {
			out[3*at+c] = v
		}
	}
	return out
}

// appendQueriesFirst appends masks [h, w, Q] as [Q, h, w], in tiles that stay in the
// cache.
func appendQueriesFirst(out []float32, l postprocess.Logits) []float32 {
	const tile = 64
	cells := l.MaskH * l.MaskW
	begin := len(out)
	out = slices.Grow(out, len(l.Masks))[:begin+len(l.Masks)]
	to := out[begin:]
	for first := 0; first < cells; first += tile {
		last := min(first+tile, cells)
		for q := range l.Queries {
			for at := first; at < last; at++ {
				to[q*cells+at] = l.Masks[at*l.Queries+q]
			}
		}
	}
	return out
}
