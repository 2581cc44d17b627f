package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"eomt/arch"
	"eomt/checkpoints/hub"
	"eomt/checkpoints/tensor"
	"eomt/checkpoints/weights"
	"eomt/configs"
)

// StartValues are the parameters that a configuration's weights give a new run,
// by name; nil where it starts from nothing. Those that the configuration names as
// new are left out, whatever the weights hold of them. What was loaded, resized and left to
// start anew is said on standard error.
func StartValues(ctx context.Context, c configs.Config, a arch.Architecture) (values map[string][]float32, err error) {
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
	named := func(name string) bool {
		return slices.ContainsFunc(c.NewParameters, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	}
	stored.Tensors = slices.DeleteFunc(stored.Tensors, func(t tensor.Tensor) bool { return named(t.Name) })
	allowNew := c.NewParameters
	if stored.Architecture.BackboneOnly() {
		allowNew = slices.Concat(allowNew, a.HeadNames())
	}
	fitted, report, err := stored.Fit(a, allowNew)
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
