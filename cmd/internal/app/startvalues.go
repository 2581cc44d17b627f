package app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"eomt/checkpoints/hub"
	"eomt/checkpoints/weights"
	"eomt/configs"
	"eomt/model"
	"eomt/train"
)

// newHeads are the parameters that start anew where the weights are a backbone's alone.
var newHeads = []string{"q.", "class_head.", "mask_head.", "upscale."}

// StartValues are the parameters that a configuration's weights give a new run,
// by name; nil where it starts from nothing. What was loaded, resized and left to
// start anew is said on standard error.
func StartValues(ctx context.Context, c configs.Config, m model.Config) (values map[string][]float32, err error) {
	if c.Weights == "" {
		return nil, nil
	}
	path, err := FindWeights(ctx, c.Weights, hub.Options{})
	if err != nil {
		return nil, err
	}
	stored, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stored.Close()) }()
	var allowNew []string
	if stored.Architecture.BackboneOnly() {
		allowNew = newHeads
	}
	fitted, report, err := stored.Fit(train.Specs(m), [2]int{m.GridH(), m.GridW()}, allowNew)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "weights %s: %d parameters loaded, %d resized, %d start anew\n",
		path, len(report.Loaded), len(report.Reshaped), len(report.Fresh))
	values = make(map[string][]float32, len(fitted))
	for _, t := range fitted {
		if values[t.Name], err = t.Float32s(); err != nil {
			return nil, err
		}
	}
	return values, nil
}
