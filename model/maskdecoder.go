package model

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// maskDecoder is Mask2Former's Transformer decoder with masked attention (arXiv
// 2112.01527): layer i of post-norm cross-attention, self-attention and MLP attends to
// level i mod levels. A prediction is made of the queries before the first layer and
// after each; with all of them or only the last one in out.
// Source: transformers 5.24, Mask2FormerMaskedAttentionDecoder.
func (n *net) maskDecoder(out *Predictions, levels []*Node, featuresBhwd *Node, all bool) {
	b, d, g := featuresBhwd.Shape().Dim(0), n.DecoderWidth, featuresBhwd.Graph()
	learned := func(name string) *Node {
		return n.activation(BroadcastToDims(InsertAxes(n.params.at("decoder.queries."+name), 0), b, n.Queries, d))
	}
	var keys, values, features []*Node
	for l, m := range levels {
		at := grid{m.Shape().Dim(1), m.Shape().Dim(2)}
		value := toTokens(m)
		value = Add(value, n.activation(BroadcastLike(InsertAxes(n.levelEmbed("decoder.level_embed", l, at), 0), value)))
		values = append(values, value)
		keys = append(keys, Add(value, n.activation(BroadcastLike(InsertAxes(n.sine(g, at), 0), value))))
		features = append(features, toTokens(toPatchGrid(widened(StopGradient(featuresBhwd)), at.h, at.w)))
	}
	x, position := learned("features"), learned("positions")
	for i := range n.DecoderLayers {
		l := i % len(levels)
		embedding := n.predictQueries(out, x, featuresBhwd, all)
		name := fmt.Sprintf("decoder.layers.%d.", i)
		a := n.multiHead(name+"cross", Add(x, position), keys[l], values[l], visible(embedding, features[l]))
		x = n.layerNormOf(name+"cross_norm", Add(x, a))
		placed := Add(x, position)
		x = n.layerNormOf(name+"self_norm", Add(x, n.multiHead(name+"self", placed, placed, x, nil)))
		x = n.layerNormOf(name+"ffn_norm", Add(x, n.feedForward(name, x)))
	}
	n.predictQueries(out, x, featuresBhwd, true)
}

// predictQueries appends the prediction of queries x [B, Q, d], where it is kept, and
// returns its mask embeddings.
func (n *net) predictQueries(out *Predictions, x, featuresBhwd *Node, keep bool) (embeddingBQd *Node) {
	y := n.layerNormOf("decoder.norm", x)
	embedding := relu(n.linear("mask_head.0", y))
	embedding = relu(n.linear("mask_head.2", embedding))
	embedding = n.linear("mask_head.4", embedding)
	if keep {
		out.Masks = append(out.Masks, Masks{FeaturesBhwD: featuresBhwd, EmbeddingBQD: embedding})
		out.ClassLogitsBQC = append(out.ClassLogitsBQC, n.logits("class_head", y))
	}
	return embedding
}

// visible states which positions of a level each query may attend to, [B, Q, N] bool:
// those where its mask logit is not negative, or all if it is negative everywhere.
// features [B, N, d] are those of the masks, resized to the level, of which the logits
// there are a linear function. There is no gradient.
func visible(embeddingBQd, featuresBNd *Node) *Node {
	logits := DotGeneral(widened(StopGradient(embeddingBQd)), []int{2}, []int{0}, featuresBNd, []int{2}, []int{0})
	nothing := BroadcastLike(IsNegative(ReduceAndKeep(logits, ReduceMax, -1)), logits)
	return Or(IsNonNegative(logits), nothing)
}

// multiHead is torch's MultiheadAttention of queries [B, T, d] to S tokens; allowedBTS,
// if not nil, states which.
func (n *net) multiHead(name string, query, key, value, allowedBTS *Node) *Node {
	d, heads := n.DecoderWidth, n.DecoderHeads
	b, t := query.Shape().Dim(0), query.Shape().Dim(1)
	weight, bias := n.params.at(name+".qkv.weight"), n.params.at(name+".qkv.bias")
	project := func(i int, x *Node) *Node {
		rows := AxisRange(i*d, (i+1)*d)
		y := n.addBias(n.dot(x, SliceAxis(weight, 0, rows)), SliceAxis(bias, 0, rows))
		return TransposeAllAxes(Reshape(y, b, x.Shape().Dim(1), heads, d/heads), 0, 2, 1, 3)
	}
	q := MulScalar(project(0, query), 1/math.Sqrt(float64(d/heads)))
	out := n.attend(q, project(1, key), project(2, value), allowedBTS)
	return n.linear(name+".proj", Reshape(TransposeAllAxes(out, 0, 2, 1, 3), b, t, d))
}
