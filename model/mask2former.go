package model

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
)

// mask2former are the networks with a Transformer decoder that EoMT is compared with
// (arXiv 2503.19108, Table 1): a plain ViT with a pyramid or with ViT-Adapter, a pixel
// decoder or projections, and Mask2Former's decoder.
type mask2former struct{ a arch.Architecture }

func (m mask2former) Architecture() arch.Architecture { return m.a }

// Forward implements [Network]. The final prediction needs the masks of all others, so
// that opts.Masking only asks for them.
func (m mask2former) Forward(params Params, pixelsBHW3 *Node, opts Options) Predictions {
	n := newNet(m.a, params, pixelsBHW3, opts)
	if opts.Training && m.a.HasAdapter() {
		n.running = map[string]*Node{}
	}
	var out Predictions
	maps := n.maps(&out, pixelsBHW3, opts.RopeScale)
	levels, features := n.decoderInputs(maps)
	n.maskDecoder(&out, levels, features, opts.Training || opts.Masking != nil)
	out.BuffersNext = n.buffersNext()
	return out
}

// maps are those of strides 4, 8, 16 and 32, or 4 and 16, all of the ViT's width.
func (n *net) maps(out *Predictions, pixelsBHW3, ropeScale *Node) []*Node {
	x := n.embed(pixelsBHW3)
	out.StagesBSD = append(out.StagesBSD, x)
	rope := n.rotaryFor(x.Graph(), n.Prefix(), ropeScale)
	if n.HasAdapter() {
		return n.adapter(out, pixelsBHW3, x, rope)
	}
	for i := range n.Blocks {
		x = n.block(i, x, nil, rope)
		out.StagesBSD = append(out.StagesBSD, x)
	}
	out.TokensBSD = n.norm("backbone.norm", x)
	return n.pyramid(toMap(n.patchesOf(out.TokensBSD), grid{n.GridH(), n.GridW()}))
}

// patchesOf are the tokens behind the prefix.
func (n *net) patchesOf(x *Node) *Node { return sliceTokens(x, n.Prefix(), x.Shape().Dim(1)) }

// decoderInputs are the maps of the decoder's width that its layers attend to, in order,
// and the mask features at stride 4.
func (n *net) decoderInputs(maps []*Node) (levels []*Node, featuresBhwd *Node) {
	if n.HasPixelDecoder() {
		return n.pixelDecoder(maps)
	}
	for k := range n.Levels() {
		levels = append(levels, n.pointwise(fmt.Sprintf("decoder.input_projections.%d", k), maps[len(maps)-1-k]))
	}
	return levels, n.pointwise("mask_projection", maps[0])
}
