package train

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/data"
	"eomt/losses"
	"eomt/model"
)

// The inputs of the gradients after parameters and buffers, in order.
const (
	inMaskProbs = iota // [L]
	inRope             // scalar
	inRandom           // uint64 [3]
	inFirst            // uint32: the index of the first image in the global batch
	inImages
	inMasks
	inClasses
	inValid
	batchInputs // their number
)

// The further inputs if the batch is a share of a larger one.
const (
	inMatched      = batchInputs + iota // scalar: see [losses.Normalizers]
	inClassWeights                      // scalar
	shareInputs
)

// batchInputs are those of the whole step, in which a device has a share of the batch.
func (s *Step) batchInputs() int {
	if s.mesh != nil {
		return shareInputs
	}
	return batchInputs
}

// draws are all of a step's random numbers. The rest of a step is a function of its
// inputs, so that with another implementation's draws the two can be compared.
type draws struct {
	masksLBQ *Node           // [L, B, Q]: see [model.Masking]; nil for a network without masks
	points   []losses.Points // of each prediction
}

// draw draws them from the step's random state by the images' indices in the global
// batch: however a global batch is split, its images get the same draws. Points are
// hashed from the state given by the host: the Go backend does not set all words of
// the state that its generator returns, so that runs would differ.
func (s *Step) draw(in []*Node, dtype dtypes.DType) draws {
	a := s.config.Network.Architecture()
	dims := in[inValid].Shape().Dimensions
	n := losses.Drawn{Predictions: a.Predictions(), Images: dims[0], Targets: dims[1]}
	d := draws{points: losses.DrawPoints(s.config.Loss, in[inRandom], in[inFirst], n, dtype)}
	if a.AnnealedBlocks() == 0 {
		return d
	}
	all := max(dims[0], s.config.BatchSize)
	_, masks := RandomUniform(in[inRandom], shapes.Make(dtype, a.AnnealedBlocks(), all, a.Queries))
	if all > dims[0] {
		index := Iota(masks.Graph(), shapes.Make(dtypes.Int32, dims[0], 1), 0)
		index = Add(index, ConvertDType(in[inFirst], dtypes.Int32))
		masks = Transpose(Gather(Transpose(masks, 0, 1), index), 0, 1)
	}
	d.masksLBQ = masks
	return d
}

// gradients are the derivatives of the loss on one batch, or on one share of it, with
// respect to the trained parameters.
type gradients struct {
	trained []*Node // in the order of Step.trained
	buffers []*Node // the next values of the buffers
	total   *Node
	terms   losses.Terms
}

// forward is the forward pass as training does it.
func (s *Step) forward(params, buffers, in []*Node, d draws) model.Predictions {
	network := s.config.Network
	a, dtype := network.Architecture(), params[0].DType()
	values := append(append([]*Node{}, params...), buffers...)
	options := model.Options{Training: true, Precision: s.config.Precision, Remat: s.config.Remat, RopeScale: in[inRope]}
	if d.masksLBQ != nil {
		options.Masking = &model.Masking{ProbsL: in[inMaskProbs], DrawsLBQ: d.masksLBQ}
	}
	return network.Forward(model.Bind(a, values), model.Normalize(in[inImages], dtype), options)
}

// differentiate is the forward pass, the criterion and the backward pass.
func (s *Step) differentiate(params, buffers, in []*Node, d draws) gradients {
	predictions := s.forward(params, buffers, in, d)
	var by losses.Normalizers
	if len(in) == shareInputs {
		by = losses.Normalizers{Masks: in[inMatched], ClassWeights: in[inClassWeights]}
	}
	total, terms := losses.CriterionAt(s.config.Loss, masksOf(predictions), predictions.ClassLogitsBQC, losses.Targets{
		PlanesBHWW: in[inMasks], ClassesBM: in[inClasses], ValidBM: in[inValid],
	}, d.points, by)
	trained := make([]*Node, len(s.trained))
	for k, i := range s.trained {
		trained[k] = params[i]
	}
	return gradients{trained: Gradient(total, trained...), buffers: predictions.BuffersNext, total: total, terms: terms}
}

// masksOf hands a network's masks to the losses.
func masksOf(p model.Predictions) []losses.Masks {
	masks := make([]losses.Masks, len(p.Masks))
	for i, m := range p.Masks {
		masks[i] = losses.Masks(m)
	}
	return masks
}

// batchArguments are the inputs of the gradients after parameters and buffers; first
// is the index of the batch's first image in the global batch.
func (s *Step) batchArguments(step int, b *data.Batch, first int, dtype dtypes.DType) ([]any, error) {
	a := s.config.Network.Architecture()
	if b.H != a.ImageH() || b.W != a.ImageW() {
		return nil, fmt.Errorf("train: batch images are %dx%d, the model takes %dx%d", b.W, b.H, a.ImageW(), a.ImageH())
	}
	words := len(b.Masks) / (b.B * b.H * b.W)
	return []any{
		vector(s.maskProbs(step), dtype),
		scalar(ropeRescale(s.config.Seed, step), dtype),
		randomState(s.config.Seed, step),
		tensors.FromScalar(uint32(first)),
		tensors.FromFlatDataAndDimensions(b.Images, b.B, b.H, b.W, 3),
		tensors.FromFlatDataAndDimensions(b.Masks, b.B, b.H, b.W, words),
		tensors.FromFlatDataAndDimensions(b.Classes, b.B, b.M),
		tensors.FromFlatDataAndDimensions(b.Valid, b.B, b.M),
	}, nil
}
