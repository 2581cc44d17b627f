package weights

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
)

// Parameters whose shapes show the architecture, besides those that arch names.
const (
	firstUp   = "backbone.blocks.0.mlp.fc1.weight"
	firstDown = "backbone.blocks.0.mlp.fc2.weight"
)

// headDim is the width of an attention head in every published size but 7B.
const headDim = 64

// infer reads the architecture off names and shapes. What they do not show
// takes the published sizes' values (head dimension, number of blocks that see
// the queries, epsilon) and is zero if there is none; the caller corrects it
// from a configuration. A parameter without which nothing can be inferred is a
// [checkpoints.MismatchError].
func infer(tensors []tensor.Tensor, kind arch.Kind) (arch.Architecture, error) {
	index := tensor.ByName(tensors)
	essential := map[string]int{arch.PatchWeight: 4, firstUp: 2, firstDown: 2}
	if _, ok := index[arch.QueryWeight]; ok {
		essential[arch.QueryWeight], essential[arch.ClassWeight] = 2, 2
	} else if _, ok := index[arch.QueryFeatures]; ok {
		essential[arch.QueryFeatures], essential[arch.ClassWeight] = 2, 2
	} else if _, ok := index[arch.ClassWeight]; ok {
		essential[arch.QueryWeight] = 2
	}
	if err := checkRanks(index, essential); err != nil {
		return arch.Architecture{}, err
	}
	patch := index[arch.PatchWeight].Shape
	a := arch.Architecture{Kind: kind, Width: patch[0], Patch: patch[2], NormEps: 1e-6}
	if kind == "" {
		a.Kind = arch.DINOv3
		if _, ok := index[arch.PosEmbed]; ok {
			a.Kind = arch.DINOv2
		}
	}
	if patch[1] != 3 || patch[2] != patch[3] || patch[2] < 1 {
		return a, fmt.Errorf("%s has shape %v, want [D, 3, patch, patch]", arch.PatchWeight, patch)
	}
	if t, ok := index[arch.RegToken]; ok && len(t.Shape) == 3 {
		a.Registers = t.Shape[1]
	}
	a.Hidden = index[firstDown].Shape[1]
	a.SwiGLU = index[firstUp].Shape[0] == 2*a.Hidden
	a.Blocks = count(tensors, arch.BlockPrefix)
	a.Heads = heads(a.Width)
	if a.Kind == arch.DINOv3 {
		a.NormEps, a.RopeTheta = 1e-5, 100
	}
	if t, ok := index[arch.PosEmbed]; ok && len(t.Shape) == 3 {
		a.Grid = square(t.Shape[1])
	}
	if t, ok := index[arch.QueryWeight]; ok {
		a.Queries, a.Classes = t.Shape[0], index[arch.ClassWeight].Shape[0]-1
		a.Upscales = count(tensors, arch.UpPrefix)
		a.MaskBlocks = map[int]int{12: 3, 24: 4, 40: 5}[a.Blocks]
	}
	if t, ok := index[arch.QueryFeatures]; ok {
		a.Queries, a.Classes = t.Shape[0], index[arch.ClassWeight].Shape[0]-1
		return inferDecoder(a, tensors, index), nil
	}
	return a, nil
}

// inferDecoder adds what names and shapes show of a network with a Transformer decoder.
func inferDecoder(a arch.Architecture, tensors []tensor.Tensor, index map[string]tensor.Tensor) arch.Architecture {
	has := func(prefix string) bool {
		return slices.ContainsFunc(tensors, func(t tensor.Tensor) bool { return strings.HasPrefix(t.Name, prefix) })
	}
	network := arch.SingleScaleDecoder
	switch {
	case has("adapter."):
		network = arch.ViTAdapterMask2Former
	case has("pixel."):
		network = arch.ViTMask2Former
	case has("pyramid."):
		network = arch.MultiScaleDecoder
	}
	rows := func(name string) int {
		if t, ok := index[name]; ok && len(t.Shape) > 0 {
			return t.Shape[0]
		}
		return 0
	}
	a = a.ForPatch(a.Patch).ForNetwork(network)
	a.DecoderWidth = index[arch.QueryFeatures].Shape[1]
	a.DecoderLayers, a.DecoderHidden = count(tensors, "decoder.layers."), rows("decoder.layers.0.fc1.weight")
	a.EncoderLayers, a.EncoderHidden = count(tensors, "pixel.encoder.layers."), rows("pixel.encoder.layers.0.fc1.weight")
	return a
}

// checkRanks fails unless the named tensors are there with so many axes.
func checkRanks(index map[string]tensor.Tensor, ranks map[string]int) error {
	mismatch := &checkpoints.MismatchError{}
	for _, name := range []string{arch.PatchWeight, firstUp, firstDown, arch.QueryWeight, arch.QueryFeatures, arch.ClassWeight} {
		rank, wanted := ranks[name]
		t, ok := index[name]
		switch {
		case !wanted:
		case !ok:
			mismatch.Missing = append(mismatch.Missing, name)
		case len(t.Shape) != rank:
			return fmt.Errorf("%v has %d axes, want %d", t, len(t.Shape), rank)
		}
	}
	if len(mismatch.Missing) > 0 {
		return mismatch
	}
	return nil
}

// count is one more than the highest number behind prefix, but not more than
// there are tensors, so that a hostile number cannot ask for a huge model.
func count(tensors []tensor.Tensor, prefix string) int {
	n := 0
	for _, t := range tensors {
		rest, ok := strings.CutPrefix(t.Name, prefix)
		if !ok {
			continue
		}
		digits, _, _ := strings.Cut(rest, ".")
		if i, err := strconv.Atoi(digits); err == nil {
			n = max(n, i+1)
		}
	}
	return min(n, len(tensors))
}

// heads is the number of attention heads of a published width, 0 for another.
func heads(width int) int {
	switch {
	case width == 4096: // DINOv3 7B: head dimension 128
		return 32
	case width%headDim == 0:
		return width / headDim
	}
	return 0
}

// square is the grid of n patches, zero if n is not a square.
func square(n int) [2]int {
	side := int(math.Round(math.Sqrt(float64(n))))
	if side*side != n {
		return [2]int{}
	}
	return [2]int{side, side}
}
