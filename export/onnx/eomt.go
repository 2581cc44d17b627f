package onnx

import (
	"fmt"

	"eomt/arch"
)

// The names of a file's input and outputs.
const (
	PixelValues = "pixel_values"         // [batch, 3, H, W]
	ClassLogits = "class_queries_logits" // [batch, Q, C+1], no-object last
	MaskLogits  = "masks_queries_logits" // [batch, Q, h, w]
)

// eomt is the forward pass of package model's eomt: the final prediction, and those
// before it that a masked block needs.
func (g *graph) eomt() {
	x := g.embed(g.normalised())
	for i := range g.FirstQueryBlock() {
		x = g.block(i, x, g.Prefix(), "")
	}
	x = g.concat("queries.insert", 1, g.perImage("queries", g.parameter(arch.QueryWeight)), x)
	for l := range g.MaskBlocks {
		allowed := ""
		if g.network.masked(l) {
			allowed = g.allowed(l, x)
		}
		x = g.block(g.FirstQueryBlock()+l, x, g.Queries+g.Prefix(), allowed)
	}
	g.predict(x)
}

// perImage repeats x, [n, D] or [1, n, D], for each image: [batch, n, D].
func (g *graph) perImage(name, x string) string {
	if !g.known["batch"] {
		g.known["batch"] = true
		g.node("Shape", "batch", []string{PixelValues}, integer("start", 0), integer("end", 1))
		g.concat("batch.dims", 0, "batch", g.ints(1, 1))
	}
	return g.node("Expand", name, []string{x, "batch.dims"})
}

// embed makes tokens [batch, R+N, D] = [cls, registers, patches] of normalised pixels.
func (g *graph) embed(pixels string) string {
	const weight, bias = arch.PatchWeight, "backbone.patch_embed.proj.bias"
	p, n := g.Patch, g.GridH()*g.GridW()
	x := g.node("Conv", "patch_embed.conv", []string{g.narrow(pixels), g.operand(weight), g.operand(bias)},
		integers("kernel_shape", []int{p, p}), integers("strides", []int{p, p}))
	x = g.reshape("patch_embed.flatten", x, 0, g.Width, n)
	x = g.wide(g.transpose("patch_embed.patches", x, 0, 2, 1))
	if g.Kind == arch.DINOv2 {
		x = g.add("patch_embed.position", x, g.parameter(arch.PosEmbed))
	}
	prefix := []string{g.parameter(arch.ClsToken)}
	if g.Registers > 0 {
		prefix = append(prefix, g.parameter(arch.RegToken))
	}
	tokens := []string{}
	for _, token := range prefix {
		tokens = append(tokens, g.perImage(token+".per_image", token))
	}
	return g.concat("tokens", 1, append(tokens, x)...)
}

// normalised is the input, normalised here where it is bytes.
func (g *graph) normalised() string {
	if g.o.Input == Float {
		return PixelValues
	}
	x := g.node("Cast", "normalize.float", []string{PixelValues}, integer("to", int(float32Type)))
	scale, shift := make([]float32, 3), make([]float32, 3)
	for c := range scale {
		scale[c] = float32(1 / (255 * pixelStd[c]))
		shift[c] = float32(-pixelMean[c] / pixelStd[c])
	}
	x = g.mul("normalize.scale", x, g.numbers("normalize.scale.factor", []int{3, 1, 1}, scale...))
	return g.add("normalize.shift", x, g.numbers("normalize.shift.term", []int{3, 1, 1}, shift...))
}

// block is pre-norm block i over x [batch, S, D] with skip tokens before the patches.
// LayerScale is folded into the projections before it.
func (g *graph) block(i int, x string, skip int, allowed string) string {
	name, parameters := fmt.Sprintf("blocks.%d", i), fmt.Sprintf("%s%d", arch.BlockPrefix, i)
	y := g.layerNorm(name+".norm1", x, parameters+".norm1", g.NormEps)
	y = g.attention(name+".attn", y, parameters, skip, allowed)
	x = g.add(name+".attn.residual", x, g.wide(y))
	y = g.layerNorm(name+".norm2", x, parameters+".norm2", g.NormEps)
	y = g.mlp(name+".mlp", y, parameters)
	return g.add(name+".mlp.residual", x, g.wide(y))
}

// mlp is Linear-GELU-Linear, or silu(x1)*x2 between two Linear where SwiGLU.
func (g *graph) mlp(name, x, parameters string) string {
	x = g.linear(name+".fc1", g.narrow(x), g.whole(parameters+".mlp.fc1"))
	if g.SwiGLU {
		parts := g.split(name+".halves", x, 2, g.Hidden, g.Hidden)
		sigmoid := g.node("Sigmoid", name+".sigmoid", parts[:1])
		x = g.mul(name+".gated", g.mul(name+".silu", parts[0], sigmoid), parts[1])
	} else {
		x = g.gelu(name+".gelu", x)
	}
	return g.linear(name+".fc2", x, g.scaledRows(parameters+".mlp.fc2", parameters+".ls2.gamma", "ls2"))
}
