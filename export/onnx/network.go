package onnx

import (
	"fmt"
	"slices"
	"strings"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
	"eomt/data"
)

// Network is what a file is written from.
type Network struct {
	Architecture arch.Architecture
	Tensors      []tensor.Tensor // float32, in the order of Architecture.Tensors
	// MaskProbs are the mask probabilities of the query blocks, 0 or 1 each; nil is 0.
	MaskProbs  []float32
	Task       string
	Classes    []data.Class // in the order of the class head
	Thresholds checkpoints.Thresholds
	Commit     string // of the program that writes the file
}

// Options of a file. The zero value of each field is its first choice.
type Options struct {
	Opset     int    // 20 or 17
	Precision string // "f32", or "f16": parameters and matrix products in float16
	Input     string // "float": pixels normalised by the caller, or "uint8": RGB from 0 to 255
	For       string // "generic": operators of the ONNX standard, or "onnxruntime": its own attention too
}

// The choices of [Options].
const (
	F32, F16             = "f32", "f16"
	Float, Uint8         = "float", "uint8"
	Generic, OnnxRuntime = "generic", "onnxruntime"
)

// Check reports an option that is none of the choices.
func (o Options) Check() error {
	_, err := o.withDefaults()
	return err
}

// withDefaults fills in the first choices and reports a value that is none.
func (o Options) withDefaults() (Options, error) {
	if o.Opset == 0 {
		o.Opset = 20
	}
	for _, field := range []struct {
		name    string
		value   *string
		choices []string
	}{
		{"precision", &o.Precision, []string{F32, F16}},
		{"input", &o.Input, []string{Float, Uint8}},
		{"for", &o.For, []string{Generic, OnnxRuntime}},
	} {
		if *field.value == "" {
			*field.value = field.choices[0]
		}
		if !slices.Contains(field.choices, *field.value) {
			return o, fmt.Errorf("onnx: %s %q: want %s", field.name, *field.value, strings.Join(field.choices, " or "))
		}
	}
	if o.Opset != 17 && o.Opset != 20 {
		return o, fmt.Errorf("onnx: opset %d: want 20 or 17", o.Opset)
	}
	return o, nil
}

// Write writes n to path. From 1.9 GB on, the initialisers are in a second file,
// path + ".data", which must stay beside it. Neither may exist; each appears when it
// is whole and on disk, the one at path last.
func Write(path string, n Network, o Options) error { return write(path, n, o, largestFile) }

func write(path string, n Network, o Options, limit int64) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	if err := n.check(); err != nil {
		return fmt.Errorf("onnx: %w", err)
	}
	g := newGraph(n, o)
	if n.Architecture.HasDecoder() {
		g.mask2former()
	} else {
		g.eomt()
	}
	m, err := n.metadata(o)
	if err != nil {
		return fmt.Errorf("onnx: %w", err)
	}
	if err := g.write(path, m, limit); err != nil {
		return fmt.Errorf("onnx: write %s: %w", path, err)
	}
	return nil
}

// check reports what cannot be exported.
func (n Network) check() error {
	a := n.Architecture
	if err := a.Validate(); err != nil {
		return err
	}
	if a.HeadSiLU {
		return fmt.Errorf("the weights are for SiLU in mask head and ScaleBlocks, this project computes GELU there")
	}
	if want := a.Tensors(); len(n.Tensors) != len(want) {
		return fmt.Errorf("%d tensors given, the network has %d", len(n.Tensors), len(want))
	}
	if n.Classes != nil && len(n.Classes) != a.Classes {
		return fmt.Errorf("%d classes given, the network predicts %d", len(n.Classes), a.Classes)
	}
	if n.MaskProbs != nil && len(n.MaskProbs) != a.MaskBlocks {
		return fmt.Errorf("%d mask probabilities for %d query blocks", len(n.MaskProbs), a.MaskBlocks)
	}
	for i, p := range n.MaskProbs {
		if p != 0 && p != 1 {
			return fmt.Errorf("query block %d keeps its mask with probability %g: mask annealing has not ended, and a file cannot draw at random; only 0 (plain attention) and 1 (masked attention) can be exported, others run with -engine graph", i, p)
		}
	}
	return nil
}

// masked reports whether query block l has masked attention.
func (n Network) masked(l int) bool {
	return n.Architecture.NetworkName() == arch.EoMTMasked || n.MaskProbs != nil && n.MaskProbs[l] == 1
}
