package onnx

import (
	"fmt"
	"math"

	"eomt/arch"
)

// maskDecoder is Mask2Former's Transformer decoder, and the outputs: layer i of post-norm
// cross-attention, self-attention and MLP attends to level i mod levels, masked by what
// the queries before it predict. The final prediction is that after the last layer.
func (g *graph) maskDecoder(levels []level, features featureMap) {
	var keys, values, masks []string
	for l, at := range levels {
		name := fmt.Sprintf("decoder.levels.%d", l)
		value := g.add(name+".values", at.tokens, g.row("decoder.level_embed", l))
		values = append(values, value)
		keys = append(keys, g.add(name+".keys", value, g.sine(at.grid)))
		masks = append(masks, g.columns(g.reduce(name+".features", features, features.h/at.h)))
	}
	position := g.parameter("decoder.queries.positions")
	x := g.perImage("decoder.queries", g.parameter(arch.QueryFeatures))
	for i := range g.DecoderLayers {
		l, name := i%len(levels), fmt.Sprintf("decoder.layers.%d", i)
		allowed := g.visible(name+".mask", x, masks[l])
		y := g.multiHead(name+".cross", g.add(name+".cross.query", x, position), keys[l], values[l], allowed)
		x = g.layerNormOf(name+".cross_norm", g.add(name+".cross.residual", x, y), name+".cross_norm")
		placed := g.add(name+".self.query", x, position)
		y = g.multiHead(name+".self", placed, placed, x, "")
		x = g.layerNormOf(name+".self_norm", g.add(name+".self.residual", x, y), name+".self_norm")
		x = g.feedForward(name, x, name+".ffn_norm")
	}
	queries := g.layerNormOf("predict.norm", x, "decoder.norm")
	g.outputs(queries, g.maskEmbedding("predict", g.narrow(queries), g.relu), g.columns(features))
}

// columns are the pixels of a map side by side, [batch, C, h*w].
func (g *graph) columns(m featureMap) string {
	return g.reshape(m.value+".columns", m.value, 0, 0, m.size())
}

// visible states which positions of a level queries x [batch, Q, d] may attend to,
// [batch, 1, Q, h*w]: those where the mask logit is not negative, or all if it is
// negative everywhere. masks [batch, d, h*w] are the mask features at the level.
func (g *graph) visible(name, x, masks string) string {
	queries := g.layerNormOf(name+".norm", x, "decoder.norm")
	logits := g.product(name+".logits", g.wide(g.maskEmbedding(name, g.narrow(queries), g.relu)), masks)
	zero := g.numbers("mask.threshold", nil, 0)
	seen := g.node("GreaterOrEqual", name+".seen", []string{logits, zero})
	nothing := g.node("Less", name+".nothing", []string{g.largest(name+".largest", logits), zero})
	return g.node("Unsqueeze", name+".visible", []string{g.node("Or", name+".allowed", []string{seen, nothing}), g.ints(1)})
}

// largest is the largest value along the last axis, which stays with size 1.
func (g *graph) largest(name, x string) string {
	if g.o.Opset >= 18 {
		return g.node("ReduceMax", name, []string{x, g.ints(-1)})
	}
	return g.node("ReduceMax", name, []string{x}, integers("axes", []int{-1}))
}

// multiHead is attention of queries [batch, T, d] to S tokens; allowed, if not empty,
// [batch, 1, T, S] says to which. The factor 1/sqrt(d/heads) is in the weights of q.
func (g *graph) multiHead(name, query, key, value, allowed string) string {
	d, heads := g.DecoderWidth, g.DecoderHeads
	wq, wk, wv := g.packed(name+".qkv", d, heads, true)
	project := func(what, x string, p weights, axes ...int) string {
		y := g.linear(name+"."+what, g.narrow(x), p)
		return g.transpose(name+"."+what+".rows", g.reshape(name+"."+what+".heads", y, 0, 0, heads, d/heads), axes...)
	}
	q := g.wide(project("q", query, wq, 0, 2, 1, 3))
	k := g.wide(project("k", key, wk, 0, 2, 3, 1))
	out := g.attend(name, q, k, project("v", value, wv, 0, 2, 1, 3), allowed)
	out = g.reshape(name+".out.tokens", g.transpose(name+".out.heads", out, 0, 2, 1, 3), 0, 0, d)
	return g.wide(g.linear(name+".proj", out, g.whole(name+".proj")))
}

// feedForward is LayerNorm(x + Linear-ReLU-Linear(x)).
func (g *graph) feedForward(name, x, norm string) string {
	y := g.relu(name+".relu", g.linear(name+".fc1", g.narrow(x), g.whole(name+".fc1")))
	y = g.wide(g.linear(name+".fc2", y, g.whole(name+".fc2")))
	return g.layerNormOf(norm, g.add(name+".ffn.residual", x, y), norm)
}

// row is row k of an embedding [n, d], float32.
func (g *graph) row(parameter string, k int) string {
	d := g.tensors[parameter].Shape[1]
	return g.constant(derived(parameter, fmt.Sprint(k)), float32Type, []int{d}, func() ([]float32, error) {
		return g.scaled(parameter, k, k+1, d, nil)
	})
}

// sine is the position embedding of a map, [h*w, d], see [sinePositions].
func (g *graph) sine(at grid) string {
	return g.constant(fmt.Sprintf("sine.%d.%d", at.h, at.w), float32Type, []int{at.size(), g.DecoderWidth},
		func() ([]float32, error) { return sinePositions(at, g.DecoderWidth), nil })
}

// sinePositions are the positions of a map's pixels: half of the channels for y, half for
// x; positions from 1 on, divided by the side, times 2 pi; sine and cosine in turn, at
// frequencies that fall to 1/10000.
func sinePositions(at grid, width int) []float32 {
	half := width / 2
	var list []float32
	axis := func(i, side int) {
		u := float64(i+1) / (float64(side) + 1e-6) * 2 * math.Pi
		for k := range half {
			angle := u / math.Pow(10000, 2*float64(k/2)/float64(half))
			if k%2 == 0 {
				list = append(list, float32(math.Sin(angle)))
			} else {
				list = append(list, float32(math.Cos(angle)))
			}
		}
	}
	for i := range at.h {
		for j := range at.w {
			axis(i, at.h)
			axis(j, at.w)
		}
	}
	return list
}
