package model

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
)

// attention is multi-head self-attention over x [B, S, D]. allowedBQN, if not nil,
// states which patches each query (the first Q rows) may attend to; all other pairs
// of tokens are unrestricted.
func (n *net) attention(name string, x, allowedBQN *Node, rope *rotary) *Node {
	b, s, d := x.Shape().Dimensions[0], x.Shape().Dimensions[1], n.Width
	a, e := n.Heads, n.HeadDim()
	qkv := n.qkv(name, x)
	// [heads, tokens, head dimension] is the order in which both products run
	// fastest (docs/performance.md).
	qkv = TransposeAllAxes(Reshape(qkv, b, s, 3, a, e), 2, 0, 3, 1, 4)
	part := func(i int) *Node { return Squeeze(SliceAxis(qkv, 0, AxisElem(i)), 0) }
	q, k, v := part(0), part(1), part(2)
	if rope != nil {
		q, k = rope.rotate(q), rope.rotate(k)
	}
	q = MulScalar(q, 1/math.Sqrt(float64(e)))
	var out *Node
	switch {
	case fuses(q):
		out = n.fusedAttention(q, k, v, allowedBQN)
	case allowedBQN == nil:
		out = n.attend(q, k, v, nil)
	default:
		queries := SliceAxis(q, 2, AxisRange(0, n.Queries))
		others := SliceAxis(q, 2, AxisRangeToEnd(n.Queries))
		out = Concatenate([]*Node{n.attend(queries, k, v, n.withFreeTokens(allowedBQN)), n.attend(others, k, v, nil)}, 2)
	}
	out = Reshape(TransposeAllAxes(out, 0, 2, 1, 3), b, s, d)
	return n.linear(name+".proj", out)
}

// qkv projects x [B, S, D] to [B, S, 3D]. The rotary kind ignores the keys' part of
// the bias.
func (n *net) qkv(name string, x *Node) *Node {
	y := n.adaptedQKV(name, x, n.dot(x, n.params.at(name+".qkv.weight")))
	bias := n.params.at(name + ".qkv.bias")
	if n.Kind == arch.DINOv3 {
		d := n.Width
		third := func(i int) *Node { return SliceAxis(bias, 0, AxisRange(i*d, (i+1)*d)) }
		bias = Concatenate([]*Node{third(0), ZerosLike(third(1)), third(2)}, 0)
	}
	return n.addBias(y, bias)
}

// withFreeTokens adds the columns of queries and prefix, which every query may attend
// to: [B, Q, N] to [B, Q, Q+R+N].
func (n *net) withFreeTokens(allowedBQN *Node) *Node {
	dims := allowedBQN.Shape().Dimensions
	free := BroadcastToDims(Const(allowedBQN.Graph(), true), dims[0], dims[1], n.Queries+n.Prefix())
	return Concatenate([]*Node{free, allowedBQN}, 2)
}

// attend is softmax(q k^T) v for q [B, A, T, E] (scaled) and k, v [B, A, S, E].
// allowedBTS, if not nil, states which of the S tokens each of the T may attend to.
// The division by the softmax's sum follows the product with v, on T*E instead of
// T*S numbers.
//
// No [B, A, T, S] array outlives the forward pass: the backward pass recomputes the
// weights from q, k and the logarithm of each row's sum (as FlashAttention does,
// arXiv 2205.14135, but without tiles).
func (n *net) attend(q, k, v, allowedBTS *Node) *Node {
	inputs := []*Node{q, k, v}
	q, k, v = StopGradient(q), StopGradient(k), StopGradient(v)
	scores := n.scores(q, k, allowedBTS)
	largest := ReduceAndKeep(scores, ReduceMax, -1)
	weights := Exp(Sub(scores, largest))
	sum := ReduceAndKeep(weights, ReduceSum, -1)
	y := n.activation(Div(n.wideProduct(weights, []int{3}, []int{0, 1}, v, []int{2}, []int{0, 1}), sum))
	return withGradient(y, inputs, func(dy *Node) []*Node {
		weights := Exp(Sub(n.scores(after(dy, q), k, allowedBTS), Add(largest, Log(sum))))
		dv := n.product(weights, []int{2}, []int{0, 1}, dy, []int{2}, []int{0, 1})
		dWeights := n.wideProduct(dy, []int{3}, []int{0, 1}, v, []int{3}, []int{0, 1})
		dScores := Mul(weights, Sub(dWeights, ReduceAndKeep(Mul(widened(dy), widened(y)), ReduceSum, -1)))
		dq := n.product(dScores, []int{3}, []int{0, 1}, k, []int{2}, []int{0, 1})
		dk := n.product(dScores, []int{2}, []int{0, 1}, q, []int{2}, []int{0, 1})
		return []*Node{dq, dk, dv}
	})
}

// lowest is the score of what a token may not attend to.
const lowest = -1e30

// scores is q k^T, [B, A, T, S], with the lowest value where t may not attend to s.
func (n *net) scores(q, k, allowedBTS *Node) *Node {
	scores := n.wideProduct(q, []int{3}, []int{0, 1}, k, []int{3}, []int{0, 1})
	if allowedBTS == nil {
		return scores
	}
	dims := scores.Shape().Dimensions
	allowed := BroadcastToDims(InsertAxes(allowedBTS, 1), dims...)
	hidden := Scalar(scores.Graph(), scores.DType(), lowest)
	return Where(allowed, scores, BroadcastToDims(hidden, dims...))
}
