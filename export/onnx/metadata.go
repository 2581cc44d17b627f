package onnx

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/data"
)

// ImageNet's statistics, by which pixels in [0, 1] are normalised.
var (
	pixelMean = []float64{.485, .456, .406}
	pixelStd  = []float64{.229, .224, .225}
)

// Metadata is what a file says of itself: its metadata_props, each a JSON value under
// the name of its field.
type Metadata struct {
	Architecture arch.Architecture      `json:"architecture"`
	Task         string                 `json:"task"`
	Classes      []data.Class           `json:"classes"`
	Thresholds   checkpoints.Thresholds `json:"thresholds"`
	MaskProbs    []float32              `json:"mask_probabilities"`
	Input        string                 `json:"input"`     // float or uint8
	Precision    string                 `json:"precision"` // f32 or f16
	Mean         []float64              `json:"image_mean"`
	Std          []float64              `json:"image_std"`
	Resize       string                 `json:"resize"`
	Commit       string                 `json:"commit"`
}

// The rules by which an image is brought to the input's size.
const (
	resizeFit     = "scale the image to fit into H x W (bilinear, antialiased), pad right and bottom with zeros"
	resizeWindows = "scale the shorter side to H (bilinear, antialiased), cut square windows along the longer side, evenly overlapped; average their predictions"
)

// metadata lists n's metadata as keys and values.
func (n Network) metadata(o Options) (map[string]string, error) {
	m := Metadata{Architecture: n.Architecture, Task: n.Task, Classes: n.Classes, Thresholds: n.Thresholds, MaskProbs: n.MaskProbs,
		Input: o.Input, Precision: o.Precision, Mean: pixelMean, Std: pixelStd, Resize: resizeFit, Commit: n.Commit}
	if n.Task == "semantic" {
		m.Resize = resizeWindows
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	props := make(map[string]string, len(fields))
	for key, value := range fields {
		props[key] = string(value)
	}
	return props, nil
}

// ErrForeign is wrapped where an ONNX file does not describe a network of this project.
var ErrForeign = errors.New("the file was not written by `weights export`: its metadata does not describe the network")

// ParseMetadata reads a file's metadata_props.
func ParseMetadata(props map[string]string) (Metadata, error) {
	fields := make(map[string]json.RawMessage, len(props))
	for key, value := range props {
		if json.Valid([]byte(value)) {
			fields[key] = json.RawMessage(value)
		}
	}
	var m Metadata
	text, err := json.Marshal(fields)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err == nil {
		err = m.check()
	}
	if err != nil {
		return m, fmt.Errorf("onnx: %w (%w)", ErrForeign, err)
	}
	return m, nil
}

func (m Metadata) check() error {
	if err := m.Architecture.Validate(); err != nil {
		return err
	}
	switch {
	case m.Input != Float && m.Input != Uint8:
		return fmt.Errorf("input %q", m.Input)
	case m.Classes != nil && len(m.Classes) != m.Architecture.Classes:
		return fmt.Errorf("%d classes, the network predicts %d", len(m.Classes), m.Architecture.Classes)
	case m.Input == Float && (!slices.Equal(m.Mean, pixelMean) || !slices.Equal(m.Std, pixelStd)):
		return fmt.Errorf("pixels normalised by mean %v and deviation %v", m.Mean, m.Std)
	}
	return nil
}
