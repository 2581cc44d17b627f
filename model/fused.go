package model

import (
	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
)

// fuses reports whether the backend has attention in one operation, with a gradient, for
// q [B, A, S, E]: cuDNN's, which takes 16-bit numbers and heads of a multiple of 8, up to
// 128 (go-xla's compute/xla/flash.go; jax, _src/cudnn/fused_attention_stablehlo.py).
func fuses(q *Node) bool {
	e := q.Shape().Dim(-1)
	return q.DType().IsHalfPrecision() && e%8 == 0 && e <= 128 &&
		q.Graph().Backend().Capabilities().Operations[compute.OpTypeFusedScaledDotProductAttentionVJP]
}

// fusedAttention is attention of all S tokens in the backend's own operation, which keeps
// the logarithm of each row's sum for its gradient: q (scaled), k, v [B, A, S, E].
func (n *net) fusedAttention(q, k, v, allowedBQN *Node) *Node {
	if allowedBQN == nil {
		return fused(q, k, v, nil)
	}
	// The bias has a number per head and pair of tokens: the backward pass makes it, and
	// the result, again. cuDNN's gradient with a bias needs an even number of tokens.
	s := q.Shape().Dim(2)
	return recompute(func(in []*Node) *Node {
		even := func(i int) *Node { return GrowRight(in[i], 2, s%2, 0) }
		y := fused(even(0), even(1), even(2), n.bias(even(0), allowedBQN))
		return SliceAxis(y, 2, AxisRange(0, s))
	}, q, k, v)
}

func fused(q, k, v, bias *Node) *Node {
	config := &compute.ScaledDotProductAttentionConfig{Scale: 1}
	if bias != nil {
		config.Bias = InternalBackendOutputs(bias)[0]
	}
	y, _ := BackendFusedScaledDotProductAttention(q, k, v, compute.AttentionAxesLayoutBHSD, config)
	return y
}

// bias is added to the scores of q [B, A, S, E], [B, A, S, S]: lowest where a query, one
// of the first rows, may not attend to a patch, and for columns that are no token; 0
// elsewhere. It depends on q, so that it is not kept for a pass that has another q.
func (n *net) bias(q, allowedBQN *Node) *Node {
	g, dims := q.Graph(), q.Shape().Dimensions
	b, s := dims[0], dims[2]
	allowed := n.withFreeTokens(allowedBQN)
	rows, columns := s-allowed.Shape().Dim(1), s-allowed.Shape().Dim(2)
	free := BroadcastToDims(Const(g, true), b, rows, s-columns)
	allowed = Concatenate([]*Node{allowed, free}, 1)
	if columns > 0 {
		allowed = Concatenate([]*Node{allowed, BroadcastToDims(Const(g, false), b, s, columns)}, 2)
	}
	zero := MulScalar(firstElement(StopGradient(q)), 0)
	bias := Where(allowed, BroadcastToDims(zero, b, s, s), BroadcastToDims(Scalar(g, q.DType(), lowest), b, s, s))
	return BroadcastToDims(InsertAxes(bias, 1), b, dims[1], s, s)
}
