package model

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Predictor runs the inference graph: images in, the final prediction out. It
// compiles once for each batch size. It is not safe for concurrent use.
type Predictor struct {
	network Network
	params  []*tensors.Tensor
	exec    *Exec
	masking *maskingInput
}

type maskingInput struct {
	probs  []float32
	random []uint64
}

// Logits is the final prediction of B images on the host, row-major.
type Logits struct {
	B, MaskH, MaskW, Queries, Classes int
	Masks                             []float32 // [B, MaskH, MaskW, Queries]
	Class                             []float32 // [B, Queries, Classes+1], no-object last
}

// NewPredictor takes a network's values (float32) in the order of its
// architecture's Tensors. maskProbs, where any is positive, are the mask
// probabilities of the blocks that see queries: the attention of a network whose
// annealing has not ended stays masked, with draws from a fixed seed. matmul is the
// dtype of matrix products' operands, 0 for float32.
func NewPredictor(b compute.Backend, n Network, params []*tensors.Tensor, maskProbs []float64, matmul dtypes.DType) (*Predictor, error) {
	a := n.Architecture()
	count := len(a.Tensors())
	if len(params) != count {
		return nil, fmt.Errorf("model: predictor: %d parameters given, the network has %d", len(params), count)
	}
	if len(maskProbs) > 0 && len(maskProbs) != a.MaskBlocks {
		return nil, fmt.Errorf("model: predictor: %d mask probabilities for %d query blocks", len(maskProbs), a.MaskBlocks)
	}
	p := &Predictor{network: n, params: params}
	for _, prob := range maskProbs {
		if prob > 0 {
			p.masking = &maskingInput{probs: toFloat32(maskProbs), random: []uint64{1, 2, 3}}
			break
		}
	}
	build := func(in []*Node) []*Node {
		named, in := Bind(a, in), in[count:]
		opts := Options{MatMul: matmul}
		if p.masking != nil {
			shape := shapes.Make(dtypes.Float32, a.MaskBlocks, in[0].Shape().Dimensions[0], a.Queries)
			_, draws := RandomUniform(in[2], shape)
			opts.Masking = &Masking{ProbsL: in[1], DrawsLBQ: draws}
		}
		masks, classes := n.Forward(named, Normalize(in[0], dtypes.Float32), opts).Final()
		return []*Node{masks, classes}
	}
	exec, err := NewExec(b, build)
	if err != nil {
		return nil, fmt.Errorf("model: predictor: %w", err)
	}
	p.exec = exec.WithName("predict")
	return p, nil
}

// Predict runs uint8 RGB images [b, ImageH, ImageW, 3], padded to the network's
// size by the caller.
func (p *Predictor) Predict(images []uint8, b int) (Logits, error) {
	a := p.network.Architecture()
	if len(images) != b*a.ImageH()*a.ImageW()*3 {
		return Logits{}, fmt.Errorf("model: predict: %d bytes for %d images of %dx%d", len(images), b, a.ImageW(), a.ImageH())
	}
	args := make([]any, 0, len(p.params)+3)
	for _, t := range p.params {
		args = append(args, t)
	}
	args = append(args, tensors.FromFlatDataAndDimensions(images, b, a.ImageH(), a.ImageW(), 3))
	if p.masking != nil {
		args = append(args, p.masking.probs, p.masking.random)
	}
	var out []*tensors.Tensor
	var err error
	if panicked := exceptions.TryCatch[error](func() { out, err = p.exec.Call(args...) }); panicked != nil {
		err = panicked
	}
	if err != nil {
		return Logits{}, fmt.Errorf("model: predict: %w", err)
	}
	l := Logits{B: b, MaskH: a.MaskH(), MaskW: a.MaskW(), Queries: a.Queries, Classes: a.Classes}
	if l.Masks, err = tensors.CopyFlatData[float32](out[0]); err != nil {
		return Logits{}, fmt.Errorf("model: predict: %w", err)
	}
	if l.Class, err = tensors.CopyFlatData[float32](out[1]); err != nil {
		return Logits{}, fmt.Errorf("model: predict: %w", err)
	}
	for _, t := range out {
		if err := t.FinalizeAll(); err != nil {
			return Logits{}, fmt.Errorf("model: predict: %w", err)
		}
	}
	return l, nil
}

// Close frees the compiled programs; the parameters stay the caller's.
func (p *Predictor) Close() { p.exec.Finalize() }

func toFloat32(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}
