package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"eomt/checkpoints/weights"
	"eomt/eval/postprocess"
	"eomt/export/onnx"
	"eomt/internal/cli"
	"eomt/segment"
	"eomt/train"
)

// export writes weights as an ONNX file.
func export(ctx context.Context, args []string) (err error) {
	f := cli.Flags("export", `weights export -in WEIGHTS -out FILE.onnx [-opset 20|17] [-precision f32|f16]
       [-input float|uint8] [-for generic|onnxruntime] [-verify] [-config FILE] [-task TASK]

Writes the network as an ONNX file: pixel_values [batch, 3, H, W] to
class_queries_logits [batch, Q, C+1] and masks_queries_logits [batch, Q, h, w]. Its
metadata hold task, classes, normalisation, resize rule and thresholds. From 1.9 GB
on, the weights are in FILE.onnx.data, which must stay beside it. Nothing is
overwritten.

-verify runs the file in ONNX Runtime and compares it with the graph; where ONNX
Runtime is not installed it says so.`,
		"go run ./cmd/weights export -in runs/quickstart -out model.onnx -verify")
	in := f.String("in", "", "weights to read")
	out := f.String("out", "", "`FILE` to write, ending in .onnx")
	var o onnx.Options
	f.IntVar(&o.Opset, "opset", 20, "`version` of the operators: 20, or 17 for older programs")
	f.StringVar(&o.Precision, "precision", onnx.F32, "f32, or f16: parameters and matrix products in float16; norms, softmax, scores, input and outputs stay float32")
	f.StringVar(&o.Input, "input", onnx.Float, "float: ImageNet-normalised pixels, or uint8: RGB from 0 to 255, normalised in the file")
	f.StringVar(&o.For, "for", onnx.Generic, "generic: the standard's operators, or onnxruntime: its own attention operator where that applies (f32, no masks)")
	config := f.String("config", "", "configuration `FILE` that states what the weights do not")
	task := f.String("task", "", "panoptic, instance or semantic, in place of what the weights were trained for")
	check := f.Bool("verify", false, "compare the file in ONNX Runtime with the graph")
	backendName := f.String("backend", "", "of the graph with -verify: xla:cuda, xla:cpu or go; default the best available")
	if _, err := parse(f, args, 0, "-in and -out, and nothing else"); err != nil {
		return err
	}
	if err := checkExport(*in, *out, *task, o); err != nil {
		return err
	}
	so := segment.Options{Config: *config, Task: postprocess.Task(*task), Backend: *backendName}
	if err := writeONNX(*in, *out, so, o); err != nil {
		return err
	}
	if *check {
		if err := verify(ctx, *in, *out, so); err != nil {
			return err
		}
	}
	fmt.Println(*out)
	return nil
}

// checkExport reports flags that cannot be.
func checkExport(in, out, task string, o onnx.Options) error {
	switch {
	case in == "" || out == "":
		return cli.Usagef("want -in and -out")
	case !segment.IsONNX(out):
		return cli.Usagef("-out %s: want a name that ends in .onnx", out)
	case task != "" && task != "panoptic" && task != "instance" && task != "semantic":
		return cli.Usagef("-task %s: want panoptic, instance or semantic", task)
	}
	if err := o.Check(); err != nil {
		return cli.Usagef("%v", err)
	}
	return nil
}

func writeONNX(in, out string, so segment.Options, o onnx.Options) (err error) {
	stored, err := weights.Open(in)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stored.Close()) }()
	d, err := segment.Describe(stored, so)
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	for _, sentence := range d.Assumed {
		fmt.Fprintln(os.Stderr, "weights: export: "+sentence)
	}
	return segment.Export(stored, d, out, train.ThisStart(0, "", nil).Commit, o)
}
