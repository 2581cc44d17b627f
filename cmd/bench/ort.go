package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"eomt/checkpoints/weights"
	"eomt/export/onnx"
	"eomt/segment"
)

// workORT is not among the works that are measured by default: it needs ONNX Runtime.
const workORT = "forward_ort"

// prepareForwardORT is prepareForward with the exported network in ONNX Runtime.
func prepareForwardORT(_ context.Context, o options) (w *work, err error) {
	dir, err := os.MkdirTemp("", "eomt-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "model.onnx")
	if err := onnx.Write(path, onnx.Network{Architecture: o.architecture, Tensors: weights.Random(o.architecture, 1).Tensors},
		onnx.Options{Input: onnx.Uint8, For: onnx.OnnxRuntime}); err != nil {
		return nil, err
	}
	s, err := segment.Open(path, segment.Options{Engine: segment.EngineORT})
	if err != nil {
		return nil, err
	}
	images := makeBatch(o).Images
	w = described(o, 1)
	w.close = s.Close
	w.run = func() error {
		_, err := s.Predict(images, o.batch)
		return err
	}
	return w, nil
}
