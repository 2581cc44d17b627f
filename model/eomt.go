package model

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Masking asks for all L+1 predictions, and for masked attention in the last L blocks.
type Masking struct {
	// ProbsL [L] is the probability that a block keeps a query's mask
	// (mask annealing). Being an input, it changes without a new compilation.
	ProbsL *Node
	// DrawsLBQ [L, B, Q], uniform in [0, 1): the mask of query q in block l of
	// image b is dropped where the draw is greater than the block's probability.
	DrawsLBQ *Node
}

// Predictions are the model's outputs. Without masking there is one prediction,
// the final one; with it there are L+1 in block order, the final one last.
type Predictions struct {
	MaskLogitsBhwQ []*Node // [B, h, w, Q] each
	ClassLogitsBQC []*Node // [B, Q, C+1] each, no-object last
	TokensBSD      *Node   // [B, Q+R+N, D] after the final norm
	StagesBSD      []*Node // tokens after embedding and after each block, for parity checks
}

// Options of a forward pass that are no part of the architecture.
type Options struct {
	// Masking asks for all predictions with masked attention; nil is the
	// inference graph with one predict step.
	Masking *Masking
	// MatMul is the dtype of matrix products' operands; 0 is the parameters' own.
	MatMul dtypes.DType
	// RopeScale, a scalar, multiplies rotary coordinates (DINOv3 training); nil is 1.
	RopeScale *Node
}

// Forward is the whole model on ImageNet-normalised pixels [B, H, W, 3] of the
// configured size (arXiv 2503.19108, section 3). It panics, naming shapes or the
// parameter, where these do not fit the configuration.
func (c Config) Forward(params Params, pixelsBHW3 *Node, opts Options) Predictions {
	pixelsBHW3.AssertDims(-1, c.ImageH, c.ImageW, 3)
	n := &net{Config: c, params: params, matmul: opts.MatMul}
	if n.matmul == dtypes.InvalidDType {
		n.matmul = pixelsBHW3.DType()
	}
	g := pixelsBHW3.Graph()
	var out Predictions
	x := n.embed(pixelsBHW3)
	out.StagesBSD = append(out.StagesBSD, x)
	rope := n.rotaryFor(g, c.Prefix(), opts.RopeScale)
	for i := range c.FirstQueryBlock() {
		x = n.block(i, x, nil, rope)
		out.StagesBSD = append(out.StagesBSD, x)
	}
	x = n.insertQueries(x)
	rope = n.rotaryFor(g, c.Queries+c.Prefix(), opts.RopeScale)
	for l := range c.QueryBlocks {
		var allowed *Node
		if opts.Masking != nil {
			masks := n.predict(&out, x)
			allowed = n.allowed(masks, opts.Masking, l)
		}
		x = n.block(c.FirstQueryBlock()+l, x, allowed, rope)
		out.StagesBSD = append(out.StagesBSD, x)
	}
	n.predict(&out, x)
	return out
}

func (n *net) rotaryFor(g *Graph, skip int, scale *Node) *rotary {
	if n.Kind != DINOv3 {
		return nil
	}
	return n.newRotary(g, skip, scale)
}

// insertQueries puts the learned queries in front: [queries, prefix, patches].
func (n *net) insertQueries(x *Node) *Node {
	b := x.Shape().Dimensions[0]
	q := BroadcastToDims(InsertAxes(n.params.at("q.weight"), 0), b, n.Queries, n.Width)
	return Concatenate([]*Node{q, x}, 1)
}

// predict appends the prediction at tokens x [B, S, D] and returns its mask logits.
func (n *net) predict(out *Predictions, x *Node) (maskLogitsBhwQ *Node) {
	x = n.layerNorm("backbone.norm", x, n.NormEpsilon)
	out.TokensBSD = x
	queries := rows(x, 0, n.Queries)
	classLogits := n.linear("class_head", queries)
	embedding := n.linear("mask_head.0", queries)
	embedding = n.linear("mask_head.2", gelu(embedding))
	embedding = n.linear("mask_head.4", gelu(embedding))
	b := x.Shape().Dimensions[0]
	patches := rows(x, n.Queries+n.Prefix(), x.Shape().Dimensions[1])
	features := Reshape(patches, b, n.GridH(), n.GridW(), n.Width)
	for i := range n.ScaleBlocks() {
		features = n.scaleBlock(i, features)
	}
	maskLogits := n.product(features, []int{3}, []int{0}, embedding, []int{2}, []int{0})
	out.MaskLogitsBhwQ = append(out.MaskLogitsBhwQ, maskLogits)
	out.ClassLogitsBQC = append(out.ClassLogitsBQC, classLogits)
	return maskLogits
}

// allowed says which patches each query may attend to in query block l,
// [B, Q, N] bool: those where its own mask logit at the patch grid is positive,
// or all of them where its mask is dropped (docs/eomt.md, mask annealing).
//
// Differs: at probability 0 every mask is dropped, also where a draw is exactly
// 0, so that p = 0 is the unmasked graph.
func (n *net) allowed(maskLogitsBhwQ *Node, m *Masking, l int) *Node {
	dims := maskLogitsBhwQ.Shape().Dimensions
	b := dims[0]
	atPatches := toPatchGrid(StopGradient(maskLogitsBhwQ), n.GridH(), n.GridW())
	positive := Transpose(Reshape(IsPositive(atPatches), b, n.GridH()*n.GridW(), n.Queries), 1, 2)
	prob := Reshape(SliceAxis(m.ProbsL, 0, AxisElem(l)))
	draws := Reshape(SliceAxis(m.DrawsLBQ, 0, AxisElem(l)), b, n.Queries, 1)
	dropped := Or(GreaterThan(draws, BroadcastLike(prob, draws)), BroadcastLike(IsNonPositive(prob), draws))
	return Or(positive, BroadcastLike(dropped, positive))
}

// toPatchGrid resizes logits [B, h, w, Q] bilinearly (half-pixel centres, no
// antialiasing) to [B, gridH, gridW, Q]. The factor is a power of two, so every
// centre falls midway between the two middle pixels of its cell on both axes.
func toPatchGrid(x *Node, gridH, gridW int) *Node {
	dims := x.Shape().Dimensions
	b, q, f := dims[0], dims[3], dims[1]/gridH
	x = Reshape(x, b, gridH, f, gridW, f, q)
	middle := AxisRange(f/2-1, f/2+1)
	x = Slice(x, AxisRange(), AxisRange(), middle, AxisRange(), middle, AxisRange())
	return MulScalar(ReduceSum(ReduceSum(x, 4), 2), 0.25)
}
