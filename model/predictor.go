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
	config  Config
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

// NewPredictor takes parameters (float32) in the order of c.Parameters. maskProbs,
// where any is positive, are the query blocks' mask probabilities: the attention
// of a model whose annealing has not ended stays masked, with draws from a fixed
// seed. matmul is the dtype of matrix products' operands, 0 for float32.
func NewPredictor(b compute.Backend, c Config, params []*tensors.Tensor, maskProbs []float64, matmul dtypes.DType) (*Predictor, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	table := c.Parameters()
	if len(params) != len(table) {
		return nil, fmt.Errorf("model: predictor: %d parameters given, the configuration has %d", len(params), len(table))
	}
	if len(maskProbs) > 0 && len(maskProbs) != c.QueryBlocks {
		return nil, fmt.Errorf("model: predictor: %d mask probabilities for %d query blocks", len(maskProbs), c.QueryBlocks)
	}
	p := &Predictor{config: c, params: params}
	for _, prob := range maskProbs {
		if prob > 0 {
			p.masking = &maskingInput{probs: toFloat32(maskProbs), random: []uint64{1, 2, 3}}
			break
		}
	}
	build := func(in []*Node) []*Node {
		named := make(Params, len(table))
		for i, row := range table {
			named[row.Name] = in[i]
		}
		in = in[len(table):]
		opts := Options{MatMul: matmul}
		if p.masking != nil {
			shape := shapes.Make(dtypes.Float32, c.QueryBlocks, in[0].Shape().Dimensions[0], c.Queries)
			_, draws := RandomUniform(in[2], shape)
			opts.Masking = &Masking{ProbsL: in[1], DrawsLBQ: draws}
		}
		out := c.Forward(named, Normalize(in[0], dtypes.Float32), opts)
		last := len(out.MaskLogitsBhwQ) - 1
		return []*Node{out.MaskLogitsBhwQ[last], out.ClassLogitsBQC[last]}
	}
	exec, err := NewExec(b, build)
	if err != nil {
		return nil, fmt.Errorf("model: predictor: %w", err)
	}
	p.exec = exec.WithName("predict")
	return p, nil
}

// Config is the architecture that runs.
func (p *Predictor) Config() Config { return p.config }

// Predict runs uint8 RGB images [b, ImageH, ImageW, 3], padded to the
// configured size by the caller.
func (p *Predictor) Predict(images []uint8, b int) (Logits, error) {
	c := p.config
	if len(images) != b*c.ImageH*c.ImageW*3 {
		return Logits{}, fmt.Errorf("model: predict: %d bytes for %d images of %dx%d", len(images), b, c.ImageW, c.ImageH)
	}
	args := make([]any, 0, len(p.params)+3)
	for _, t := range p.params {
		args = append(args, t)
	}
	args = append(args, tensors.FromFlatDataAndDimensions(images, b, c.ImageH, c.ImageW, 3))
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
	l := Logits{B: b, MaskH: c.MaskH(), MaskW: c.MaskW(), Queries: c.Queries, Classes: c.Classes}
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
