package model

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
)

// Network is a segmentation network as a graph. Its architecture determines what a
// training step must supply: a mask probability and a row of draws for each of
// AnnealedBlocks, and the running values of Buffers, which are inputs and, as
// [Predictions].BuffersNext, outputs.
type Network interface {
	// Architecture describes the network.
	Architecture() arch.Architecture
	// Forward is the whole network on ImageNet-normalised pixels [B, H, W, 3] of the
	// architecture's size. It panics on mismatched shapes or a missing parameter,
	// naming them.
	Forward(params Params, pixelsBHW3 *Node, opts Options) Predictions
}

// New returns the network that a describes.
func New(a arch.Architecture) (Network, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	if a.HeadSiLU {
		return nil, fmt.Errorf("model: the weights are for SiLU in mask head and ScaleBlocks, the model computes GELU there")
	}
	if a.HasDecoder() {
		return mask2former{a}, nil
	}
	return eomt{a}, nil
}

// Options of a forward pass that are not part of the architecture.
type Options struct {
	// Masking requests all predictions, with masked attention; nil is the inference
	// graph, which has the final prediction only. Networks other than EoMT mask always.
	Masking *Masking
	// Training requests what only training needs: batch statistics (of all devices that
	// run the graph as replicas) instead of running values, and intermediate predictions of networks that mask always. EoMT has
	// neither.
	Training bool
	// Precision is the dtype of activations and products; 0 is the parameters' own.
	Precision dtypes.DType
	// Remat is what the backward pass computes a second time to save memory.
	Remat Remat
	// RopeScale, a scalar, multiplies rotary coordinates (DINOv3 training); nil is 1.
	RopeScale *Node
}

// Remat (rematerialisation) is what the backward pass computes a second time instead of
// keeping it from the forward pass.
type Remat string

const (
	// RematNone recomputes what costs little: attention weights, GELU, norms. So does "".
	RematNone Remat = "none"
	// RematBlocks keeps of each block its input only.
	RematBlocks Remat = "blocks"
)

// Masking requests all L+1 predictions, and masked attention in the last L blocks.
type Masking struct {
	// ProbsL [L] is the probability that a block keeps a query's mask
	// (mask annealing). As an input, it changes without recompilation. Nil keeps every
	// mask.
	ProbsL *Node
	// DrawsLBQ [L, B, Q], uniform in [0, 1): the mask of query q in block l of
	// image b is dropped where the draw is greater than the block's probability.
	DrawsLBQ *Node
}

// Predictions are a network's outputs: one prediction for inference, all that
// training supervises otherwise, the final one last.
type Predictions struct {
	Masks          []Masks
	ClassLogitsBQC []*Node // [B, Q, C+1] each, no-object last
	TokensBSD      *Node   // [B, Q+R+N, D] after the final norm
	StagesBSD      []*Node // tokens after embedding and after each block, for parity checks
	BuffersNext    []*Node // with Options.Training, the next value of each of Buffers
}

// Final is the last prediction: masks [B, h, w, Q] and classes [B, Q, C+1].
func (p Predictions) Final() (maskLogitsBhwQ, classLogitsBQC *Node) {
	last := len(p.Masks) - 1
	return p.Masks[last].LogitsBhwQ(), p.ClassLogitsBQC[last]
}

// Masks are the mask logits of one prediction as two factors: the logit of a query at
// a pixel is the dot product of the pixel's features and the query's embedding.
// Training needs few of these products (docs/decisions/009-mask-logits-in-factors.md).
// Predictions may share a feature map.
type Masks struct {
	FeaturesBhwD *Node // [B, h, w, D]
	EmbeddingBQD *Node // [B, Q, D], of the same dtype
}

// LogitsBhwQ are the logits of all queries at all pixels, [B, h, w, Q], in float32 if
// the factors are narrower.
func (m Masks) LogitsBhwQ() *Node {
	features, embedding := operand{m.FeaturesBhwD, []int{3}, []int{0}}, operand{m.EmbeddingBQD, []int{2}, []int{0}}
	return features.times(embedding, wide(m.FeaturesBhwD.DType()))
}

// last is p without intermediate predictions.
func (p Predictions) last() Predictions {
	end := len(p.Masks) - 1
	p.Masks, p.ClassLogitsBQC = p.Masks[end:], p.ClassLogitsBQC[end:]
	return p
}

// Params gives the graph's node of each parameter and buffer by name.
type Params map[string]*Node

// Bind names the first of nodes, which are the architecture's Tensors in order. It
// panics if there are fewer.
func Bind(a arch.Architecture, nodes []*Node) Params {
	params := Params{}
	for i, t := range a.Tensors() {
		params[t.Name] = nodes[i]
	}
	return params
}

// at returns a parameter; it panics on an unknown name.
func (p Params) at(name string) *Node {
	node, ok := p[name]
	if !ok {
		panic(fmt.Errorf("model: no parameter %q in the graph", name))
	}
	return node
}
