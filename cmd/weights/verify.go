package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"

	"eomt/eval/postprocess"
	"eomt/export/onnx"
	"eomt/internal/ort"
	"eomt/segment"
)

// The largest differences between file and graph that pass, in standard deviations of
// the graph's logits. float32 differs in the order of sums only; float16 has 11 bits
// in each product.
const (
	verifyTolerance     = 1e-3
	verifyHalfTolerance = 0.1
	// verifyFlipped is the share of queries that may differ more where attention is
	// masked: a mask's logit that rounding puts on the other side of 0 lets a query see
	// one patch more or less.
	verifyFlipped = 0.01
)

// verify runs two random images through the file and the graph.
func verify(ctx context.Context, in, out string, so segment.Options) error {
	if _, err := ort.Library(ort.CPU); err != nil {
		fmt.Fprintf(os.Stderr, "weights: export: not verified: %v\n", err)
		return nil
	}
	const b = 2
	so.Engine = segment.EngineORT
	file, got, err := logits(out, so, b)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	so.Engine, so.Precision = segment.EngineGraph, onnx.F32
	_, want, err := logits(in, so, b)
	if err != nil {
		return err
	}
	limit, share := verifyTolerance, 0.0
	if file.Precision == onnx.F16 {
		limit = verifyHalfTolerance
	}
	if file.Masked {
		share = verifyFlipped
	}
	classes := apart(want.Class, got.Class, want.Classes+1, share)
	masks := apart(queriesFirst(want), queriesFirst(got), want.MaskH*want.MaskW, share)
	fmt.Fprintf(os.Stderr, "weights: export: verified: class logits differ by up to %.1e, mask logits by %.1e standard deviations\n", classes, masks)
	if !(classes <= limit && masks <= limit) {
		return fmt.Errorf("%s: its logits differ from the graph's by more than %g standard deviations", out, limit)
	}
	return nil
}

// logits are those of b random images, always the same.
func logits(path string, so segment.Options, b int) (segment.Description, postprocess.Logits, error) {
	s, err := segment.Open(path, so)
	if err != nil {
		return segment.Description{}, postprocess.Logits{}, err
	}
	defer s.Close()
	r := rand.New(rand.NewPCG(1, 2))
	images := make([]uint8, b*s.Architecture.ImageH()*s.Architecture.ImageW()*3)
	for i := range images {
		images[i] = uint8(r.IntN(256))
	}
	l, err := s.Predict(images, b)
	return s.Description, l, err
}

// queriesFirst are the mask logits as [B, Q, h, w].
func queriesFirst(l postprocess.Logits) []float32 {
	hw := l.MaskH * l.MaskW
	out := make([]float32, 0, len(l.Masks))
	for i := range l.B {
		for q := range l.Queries {
			for at := range hw {
				out = append(out, l.Masks[(i*hw+at)*l.Queries+q])
			}
		}
	}
	return out
}

// apart is the largest difference in standard deviations of want, over all but a
// share of the queries, each of which has width values.
func apart(want, got []float32, width int, share float64) float64 {
	if len(want) != len(got) {
		return math.Inf(1)
	}
	var sum, squares float64
	worst := make([]float64, len(want)/width)
	for i, w := range want {
		sum, squares = sum+float64(w), squares+float64(w)*float64(w)
		d := math.Abs(float64(got[i]) - float64(w))
		if query := i / width; !(d <= worst[query]) {
			worst[query] = d
		}
	}
	n := float64(len(want))
	for _, d := range worst {
		if d != d {
			return d
		}
	}
	slices.Sort(worst)
	return worst[int(float64(len(worst))*(1-share))-1] / math.Sqrt(squares/n-sum/n*sum/n)
}
