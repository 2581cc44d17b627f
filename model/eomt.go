package model

import (
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
)

// eomt is the EoMT of an architecture (arXiv 2503.19108, section 3), or EoMT that masks
// always, whose intermediate predictions are therefore needed for inference too.
type eomt struct{ a arch.Architecture }

func (e eomt) Architecture() arch.Architecture { return e.a }

// Forward implements [Network]. Without opts.Masking it returns the final prediction
// only; with it, L+1 predictions in block order.
func (e eomt) Forward(params Params, pixelsBHW3 *Node, opts Options) Predictions {
	a := e.a
	n := newNet(a, params, pixelsBHW3, opts)
	g := pixelsBHW3.Graph()
	masking := opts.Masking
	if masking == nil && a.NetworkName() == arch.EoMTMasked {
		masking = &Masking{}
	}
	var out Predictions
	x := n.embed(pixelsBHW3)
	out.StagesBSD = append(out.StagesBSD, x)
	rope := n.rotaryFor(g, a.Prefix(), opts.RopeScale)
	for i := range a.FirstQueryBlock() {
		x = n.block(i, x, nil, rope)
		out.StagesBSD = append(out.StagesBSD, x)
	}
	x = n.insertQueries(x)
	rope = n.rotaryFor(g, a.Queries+a.Prefix(), opts.RopeScale)
	for l := range a.MaskBlocks {
		var allowed *Node
		if masking != nil {
			masks := n.predict(&out, x)
			allowed = n.allowed(masks, masking, l)
		}
		x = n.block(a.FirstQueryBlock()+l, x, allowed, rope)
		out.StagesBSD = append(out.StagesBSD, x)
	}
	n.predict(&out, x)
	if opts.Masking == nil && !opts.Training {
		out = out.last()
	}
	return out
}

func (n *net) rotaryFor(g *Graph, skip int, scale *Node) *rotary {
	if n.Kind != arch.DINOv3 {
		return nil
	}
	return n.newRotary(g, skip, scale)
}

// insertQueries puts the learned queries in front: [queries, prefix, patches].
func (n *net) insertQueries(x *Node) *Node {
	b := x.Shape().Dimensions[0]
	q := BroadcastToDims(InsertAxes(n.params.at("q.weight"), 0), b, n.Queries, n.Width)
	return Concatenate([]*Node{n.activation(q), x}, 1)
}

// predict appends the prediction at tokens x [B, S, D] and returns its masks.
func (n *net) predict(out *Predictions, x *Node) Masks {
	x = n.norm("backbone.norm", x)
	out.TokensBSD = x
	queries := sliceTokens(x, 0, n.Queries)
	classLogits := n.logits("class_head", queries)
	embedding := n.linear("mask_head.0", queries)
	embedding = n.linear("mask_head.2", gelu(embedding))
	embedding = n.linear("mask_head.4", gelu(embedding))
	b := x.Shape().Dimensions[0]
	patches := sliceTokens(x, n.Queries+n.Prefix(), x.Shape().Dimensions[1])
	features := n.inTurn(Reshape(patches, b, n.GridH(), n.GridW(), n.Width), func(features *Node) *Node {
		for i := range n.Upscales {
			features = n.scaleBlock(upscale(i), features)
		}
		return features
	})
	masks := Masks{FeaturesBhwD: features, EmbeddingBQD: embedding}
	out.Masks = append(out.Masks, masks)
	out.ClassLogitsBQC = append(out.ClassLogitsBQC, classLogits)
	return masks
}

// inTurn is f(x) with a backward pass that waits for that of the next prediction, so
// that the large maps of one prediction are alive at a time. The loss is a sum over
// predictions: nothing else orders them.
func (n *net) inTurn(x *Node, f func(x *Node) *Node) *Node {
	x = IdentityWithCustomGradient(x, func(_, dx *Node) *Node {
		n.later = dx
		return dx
	})
	return IdentityWithCustomGradient(f(x), func(_, dy *Node) *Node {
		if n.later == nil {
			return dy
		}
		return after(n.later, dy)
	})
}

// allowed states which patches each query may attend to in query block l,
// [B, Q, N] bool: those where its own mask logit at the patch grid is positive,
// or all of them if its mask is dropped (docs/eomt.md, mask annealing).
//
// Differs: at probability 0 every mask is dropped, even if a draw is exactly 0, so
// that p = 0 is the unmasked graph. Features are resized to the patch grid instead of
// logits, of which resizing is a linear function as well.
func (n *net) allowed(masks Masks, m *Masking, l int) *Node {
	features := toPatchGrid(widened(StopGradient(masks.FeaturesBhwD)), n.GridH(), n.GridW())
	b := features.Shape().Dimensions[0]
	features = Reshape(features, b, n.GridH()*n.GridW(), n.Width)
	positive := IsPositive(n.wideProduct(StopGradient(masks.EmbeddingBQD), []int{2}, []int{0}, features, []int{2}, []int{0}))
	if m.ProbsL == nil {
		return positive
	}
	prob := Reshape(SliceAxis(m.ProbsL, 0, AxisElem(l)))
	draws := Reshape(SliceAxis(m.DrawsLBQ, 0, AxisElem(l)), b, n.Queries, 1)
	dropped := Or(GreaterThan(draws, BroadcastLike(prob, draws)), BroadcastLike(IsNonPositive(prob), draws))
	return Or(positive, BroadcastLike(dropped, positive))
}

// toPatchGrid resizes a map [B, h, w, D] bilinearly (half-pixel centres, no
// antialiasing) to [B, gridH, gridW, D]. The factor is a power of two, so every
// centre falls midway between the two middle pixels of its cell on both axes.
func toPatchGrid(x *Node, gridH, gridW int) *Node {
	dims := x.Shape().Dimensions
	b, d, f := dims[0], dims[3], dims[1]/gridH
	x = Reshape(x, b, gridH, f, gridW, f, d)
	middle := AxisRange(f/2-1, f/2+1)
	x = Slice(x, AxisRange(), AxisRange(), middle, AxisRange(), middle, AxisRange())
	return MulScalar(ReduceSum(ReduceSum(x, 4), 2), 0.25)
}
