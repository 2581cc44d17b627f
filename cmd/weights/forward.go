package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/support/exceptions"

	"eomt/arch"
	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
	"eomt/checkpoints/weights"
	"eomt/internal/backend"
	"eomt/internal/cli"
	"eomt/model"
)

// forward runs one forward pass on given tensors, for parity with another
// implementation. The files' tensors are in the usage text.
func forward(ctx context.Context, args []string) error {
	f := cli.Flags("forward", `weights forward -weights PATH -input IN.safetensors -output OUT.safetensors

Runs one forward pass. IN has pixel_values f32 [B, 3, H, W], normalised, and
optionally mask_probs f32 [L2], each 0 or 1: masked attention off or on for that
block (default 0). OUT gets mask_logits.K f32 [B, Q, h, w] and class_logits.K f32
[B, Q, C+1] for K = 0..L2, L2 the final one, and tokens f32 [B, S, D] after the
final norm.`, "go run ./cmd/weights forward -weights eomt_small -input in.safetensors -output out.safetensors")
	path := f.String("weights", "", "weights of an EoMT in any format")
	input := f.String("input", "", "safetensors file to read")
	output := f.String("output", "", "safetensors file to write")
	backendName := f.String("backend", "", "xla:cuda, xla:cpu or go; default the best available")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if *path == "" || *input == "" || *output == "" || f.NArg() > 0 {
		return cli.Usagef("want -weights, -input and -output, and nothing else")
	}
	pixels, probs, err := readInput(*input)
	if err != nil {
		return err
	}
	opened, err := weights.Open(*path)
	if err != nil {
		return err
	}
	defer opened.Close()
	network, err := networkFor(opened.Architecture, pixels.Shape().Dimensions)
	if err != nil {
		return fmt.Errorf("%s: %w", *path, err)
	}
	a := network.Architecture()
	fitted, _, err := opened.Fit(a, nil)
	if err != nil {
		return err
	}
	params, err := model.Load(a.Tensors(), func(i int, dst []float32) error { return fitted[i].ReadFloat32s(dst) })
	if err != nil {
		return err
	}
	if probs == nil {
		probs = make([]float32, a.AnnealedBlocks())
	} else if len(probs) != a.MaskBlocks {
		return fmt.Errorf("%s: mask_probs has %d values, the model has %d blocks that see queries", *input, len(probs), a.MaskBlocks)
	}
	b, _, err := backend.Start(*backendName, os.Stderr)
	if err != nil {
		return err
	}
	results, err := interruptible(ctx, func() ([]tensor.Tensor, error) {
		args := append(params, pixels)
		if len(probs) > 0 {
			args = append(args, tensors.FromValue(probs))
		}
		return runForward(b, network, args)
	})
	if err != nil {
		return err
	}
	return writeOutput(*output, results)
}

// readInput reads pixel_values [B, 3, H, W] and, nil if absent, mask_probs.
func readInput(path string) (pixels *tensors.Tensor, probs []float32, err error) {
	file, err := safetensors.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	for _, t := range file.Tensors {
		if t.DType != tensor.Float32 {
			return nil, nil, fmt.Errorf("%s: %v must be F32", path, t)
		}
		values, err := t.Float32s()
		if err != nil {
			return nil, nil, err
		}
		switch t.Name {
		case "pixel_values":
			if len(t.Shape) != 4 || t.Shape[0] < 1 || t.Shape[1] != 3 {
				return nil, nil, fmt.Errorf("%s: %v must be [B, 3, H, W]", path, t)
			}
			pixels = tensors.FromFlatDataAndDimensions(values, t.Shape...)
		case "mask_probs":
			if slices.ContainsFunc(values, func(p float32) bool { return p != 0 && p != 1 }) {
				return nil, nil, fmt.Errorf("%s: mask_probs %v must each be 0 or 1", path, values)
			}
			probs = values
		default:
			return nil, nil, fmt.Errorf("%s: unknown tensor %v, want pixel_values and mask_probs", path, t)
		}
	}
	if pixels == nil {
		return nil, nil, fmt.Errorf("%s: no tensor pixel_values", path)
	}
	return pixels, probs, nil
}

// networkFor is the network of a's weights on pixels [B, 3, H, W].
func networkFor(a arch.Architecture, pixels []int) (model.Network, error) {
	if a.BackboneOnly() {
		return nil, errors.New("the weights are of a backbone alone, without queries and heads")
	}
	if a.Heads == 0 {
		return nil, errors.New("the weights do not state their number of attention heads: give a checkpoint or a Hugging Face folder")
	}
	a, err := a.ForImage(pixels[2], pixels[3])
	if err != nil {
		return nil, err
	}
	return model.New(a)
}

// runForward calls the graph of all predictions on the parameters, pixels and, except
// for a network that masks always, mask probabilities, and names its outputs.
func runForward(b compute.Backend, network model.Network, args []*tensors.Tensor) ([]tensor.Tensor, error) {
	var outputNames []string
	exec, err := NewExec(b, func(in []*Node) []*Node {
		a := network.Architecture()
		count := len(a.Tensors())
		pixels, masking := in[count], &model.Masking{}
		if len(in) > count+1 {
			// At probabilities 0 and 1 any draw between them decides alike.
			masking.ProbsL = in[count+1]
			masking.DrawsLBQ = BroadcastToDims(Scalar(pixels.Graph(), pixels.DType(), 0.5), a.MaskBlocks, pixels.Shape().Dimensions[0], a.Queries)
		}
		p := network.Forward(model.Bind(a, in), TransposeAllAxes(pixels, 0, 2, 3, 1), model.Options{Masking: masking})
		outputNames = []string{"tokens"}
		out := []*Node{p.TokensBSD}
		for k, m := range p.Masks {
			outputNames = append(outputNames, fmt.Sprintf("mask_logits.%d", k), fmt.Sprintf("class_logits.%d", k))
			out = append(out, TransposeAllAxes(m.LogitsBhwQ(), 0, 3, 1, 2), p.ClassLogitsBQC[k])
		}
		return out
	})
	if err != nil {
		return nil, fmt.Errorf("weights: forward: %w", err)
	}
	defer exec.Finalize()
	inputs := make([]any, len(args))
	for i, t := range args {
		inputs[i] = t
	}
	results, err := exec.Call(inputs...)
	if err != nil {
		return nil, fmt.Errorf("weights: forward: %w", err)
	}
	out := make([]tensor.Tensor, len(results))
	for i, r := range results {
		values, err := tensors.CopyFlatData[float32](r)
		if err != nil {
			return nil, fmt.Errorf("weights: forward: %s: %w", outputNames[i], err)
		}
		out[i] = tensor.FromFloat32s(outputNames[i], r.Shape().Dimensions, values)
	}
	return out, nil
}

// interruptible returns what compute does, or the context's error as soon as it
// is done: the engine cannot be stopped within a call, the command can end.
func interruptible(ctx context.Context, compute func() ([]tensor.Tensor, error)) ([]tensor.Tensor, error) {
	var out []tensor.Tensor
	var err error
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		if panicked := exceptions.TryCatch[error](func() { out, err = compute() }); panicked != nil {
			err = panicked
		}
	}()
	select {
	case <-finished:
		return out, err
	case <-ctx.Done():
		return nil, fmt.Errorf("weights: forward: interrupted")
	}
}

func writeOutput(path string, results []tensor.Tensor) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("weights: forward: %w", err)
	}
	if err := safetensors.Write(file, results, nil); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
