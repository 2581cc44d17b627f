package onnx

import (
	"fmt"

	"eomt/arch"
)

// scaleBlockEpsilon is that of the LayerNorm over channels.
const scaleBlockEpsilon = 1e-6

// predict makes the outputs of the tokens x [batch, S, D].
func (g *graph) predict(x string) {
	parts := g.tokens("predict", x)
	features := g.upscaled("predict", parts[2])
	pixels := g.MaskH() * g.MaskW()
	columns := g.transpose("predict.features.columns", g.narrow(g.reshape("predict.features", features, 0, pixels, g.Width)), 0, 2, 1)
	g.outputs(parts[0], g.maskEmbedding("predict", g.narrow(parts[0]), g.gelu), columns)
}

// outputs makes the logits of normalised queries [batch, Q, d], their mask embeddings and
// the mask features [batch, d, h*w].
func (g *graph) outputs(queries, embedding, columns string) {
	classes := g.linear("predict.classes", g.narrow(queries), g.whole("class_head"))
	g.node("Identity", ClassLogits, []string{g.wide(classes)})
	masks := g.product("predict.masks", embedding, g.narrow(columns))
	g.reshape(MaskLogits, g.wide(masks), 0, g.Queries, g.MaskH(), g.MaskW())
}

// tokens are queries, prefix and patches of x after the final norm.
func (g *graph) tokens(name, x string) []string {
	x = g.layerNorm(name+".norm", x, "backbone.norm", g.NormEps)
	return g.split(name+".tokens", x, 1, g.Queries, g.Prefix(), g.GridH()*g.GridW())
}

// maskEmbedding is three Linear of the queries with an activation between them.
func (g *graph) maskEmbedding(name, queries string, activation func(name, x string) string) string {
	y := queries
	for i := range 3 {
		layer := fmt.Sprintf("%s.mask_head.%d", name, 2*i)
		if i > 0 {
			y = activation(layer+".active", y)
		}
		y = g.linear(layer, y, g.whole(fmt.Sprintf("mask_head.%d", 2*i)))
	}
	return y
}

// upscaled passes patches [batch, N, D] through the ScaleBlocks: [batch, h, w, D].
func (g *graph) upscaled(name, patches string) string {
	x := g.narrow(patches)
	h, w := g.GridH(), g.GridW()
	for i := range g.Upscales {
		block := fmt.Sprintf("%s.upscale.%d", name, i)
		if i == 0 {
			x = g.reshape(block+".map", g.transpose(block+".channels", x, 0, 2, 1), 0, g.Width, h, w)
		} else {
			x = g.transpose(block+".channels", g.narrow(x), 0, 3, 1, 2)
		}
		x = g.scaleBlock(block, x, fmt.Sprintf("%s%d.", arch.UpPrefix, i))
	}
	return x
}

// scaleBlock doubles a map [batch, D, h, w]; the result is [batch, 2h, 2w, D], float32.
func (g *graph) scaleBlock(name, x, parameters string) string {
	x = g.node("ConvTranspose", name+".conv1", []string{x, g.operand(parameters + "conv1.weight"), g.operand(parameters + "conv1.bias")},
		integers("kernel_shape", []int{2, 2}), integers("strides", []int{2, 2}))
	return g.smooth(name, x, parameters)
}

// smooth is a ScaleBlock after its convolution that changes the size: GELU, depthwise
// convolution and LayerNorm over channels, which are then the last axis.
func (g *graph) smooth(name, x, parameters string) string {
	x = g.gelu(name+".gelu", x)
	x = g.node("Conv", name+".conv2", []string{x, g.operand(parameters + "conv2.weight")},
		integers("kernel_shape", []int{3, 3}), integers("pads", []int{1, 1, 1, 1}), integer("group", g.Width))
	x = g.wide(g.transpose(name+".pixels", x, 0, 2, 3, 1))
	return g.layerNorm(name+".norm", x, parameters+"norm", scaleBlockEpsilon)
}

// allowed states what each query may attend to in query block l, [batch, 1, Q, S] bool:
// queries, prefix, and the patches at which its own mask logit is positive.
//
// The mask at the patch grid is the mean of the two by two middle pixels of each patch
// (package model, toPatchGrid). The product is linear in the features: their mean gives
// it, without the masks at full size.
func (g *graph) allowed(l int, x string) string {
	name := fmt.Sprintf("mask.%d", l)
	parts := g.tokens(name, x)
	embedding := g.wide(g.maskEmbedding(name, g.narrow(parts[0]), g.gelu))
	features := g.channelsFirst(name+".features", g.upscaled(name, parts[2]), grid{g.MaskH(), g.MaskW()})
	patches := g.reduce(name+".patches", features, 1<<g.Upscales)
	masks := g.product(name+".masks", embedding, g.columns(patches))
	positive := g.node("Greater", name+".positive", []string{masks, g.numbers("mask.threshold", nil, 0)})
	free := g.initialiser(initialiser{"mask.free", []int{1, g.Queries, g.Queries + g.Prefix()}, boolType,
		int64(g.Queries * (g.Queries + g.Prefix())), func() ([]byte, error) {
			ones := make([]byte, g.Queries*(g.Queries+g.Prefix()))
			for i := range ones {
				ones[i] = 1
			}
			return ones, nil
		}})
	allowed := g.concat(name+".allowed", 2, g.perImage(name+".free", free), positive)
	return g.node("Unsqueeze", name+".allowed.heads", []string{allowed, g.ints(1)})
}
