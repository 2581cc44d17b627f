package model

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
)

// adapter runs the ViT's blocks on tokens [B, R+N, D] together with ViT-Adapter (arXiv
// 2205.08534): tokens c of the spatial prior's maps at strides 8, 16 and 32 are injected
// into the patches before each quarter of the blocks, and extract from them after it.
// It returns maps at strides 4, 8, 16 and 32. The ViT's final norm is not used.
// Source: czczup/ViT-Adapter at fd64a51, with prefix tokens kept as facebookresearch/dinov2
// at b8931f7 does.
func (n *net) adapter(out *Predictions, pixelsBHW3, x *Node, rope *rotary) []*Node {
	at := grid{n.GridH(), n.GridW()}
	grids := []grid{{2 * at.h, 2 * at.w}, at, {at.h / 2, at.w / 2}}
	prior := n.spatialPrior(pixelsBHW3)
	c := n.priorTokens(prior[1:])
	var taps []*Node
	for i := range arch.Interactions {
		name := fmt.Sprintf("adapter.interactions.%d.", i)
		x = n.inject(name+"injector.", x, c, at, grids)
		first, end := n.InteractionBlocks(i)
		for k := first; k < end; k++ {
			x = n.block(k, x, nil, rope)
			out.StagesBSD = append(out.StagesBSD, x)
		}
		patches := n.patchesOf(x)
		c = n.extract(name+"extractor.", c, patches, at, grids)
		if i == arch.Interactions-1 {
			c = n.extract(name+"extra_extractors.0.", c, patches, at, grids)
			c = n.extract(name+"extra_extractors.1.", c, patches, at, grids)
		}
		taps = append(taps, toMap(patches, at))
	}
	out.TokensBSD = x
	return n.adapterMaps(prior[0], splitMaps(c, grids), taps)
}

// priorTokens are the tokens of the prior's maps, each with its level's embedding.
func (n *net) priorTokens(maps []*Node) *Node {
	var tokens []*Node
	for l, m := range maps {
		row := Reshape(SliceAxis(n.params.at("adapter.level_embed"), 0, AxisElem(l)), n.Width)
		tokens = append(tokens, n.addBias(toTokens(m), row))
	}
	return Concatenate(tokens, 1)
}

// inject adds to the patches of tokens x what they attend to in c.
func (n *net) inject(name string, x, c *Node, at grid, grids []grid) *Node {
	prefix, patches := sliceTokens(x, 0, n.Prefix()), n.patchesOf(x)
	a := n.attendPoints(name+"attn", n.adapterNorm(name+"query_norm", patches), references(at), n.adapterNorm(name+"feat_norm", c), grids, n.Heads, n.Width/2)
	return Concatenate([]*Node{prefix, Add(patches, n.layerScale(name+"gamma", a))}, 1)
}

// extract adds to tokens c what they attend to in the patches, then an MLP with a
// depthwise convolution over each of their maps.
func (n *net) extract(name string, c, patches *Node, at grid, grids []grid) *Node {
	a := n.attendPoints(name+"attn", n.adapterNorm(name+"query_norm", c), references(grids...), n.adapterNorm(name+"feat_norm", patches), []grid{at}, n.Heads, n.Width/2)
	c = Add(c, a)
	y := n.linear(name+"ffn.fc1", n.adapterNorm(name+"ffn_norm", c))
	kernel := n.params.at(name + "ffn.dwconv.dwconv.weight")
	var convolved []*Node
	for _, m := range splitMaps(y, grids) {
		convolved = append(convolved, toTokens(depthwise(m, kernel)))
	}
	y = n.addBias(Concatenate(convolved, 1), n.params.at(name+"ffn.dwconv.dwconv.bias"))
	return Add(c, n.linear(name+"ffn.fc2", gelu(y)))
}

// adapterMaps combines the adapter's maps with the ViT's after each interaction, resized.
func (n *net) adapterMaps(c1 *Node, c []*Node, taps []*Node) []*Node {
	c1 = Add(c1, n.upsample(c[0], n.params.at("adapter.up.weight"), n.params.at("adapter.up.bias")))
	maps := []*Node{
		Add(c1, enlarge(taps[0], 4)),
		Add(c[0], enlarge(taps[1], 2)),
		Add(c[1], taps[2]),
		Add(c[2], halve(taps[3])),
	}
	for i, m := range maps {
		maps[i] = n.batchNorm(fmt.Sprintf("adapter.norm%d", i+1), m)
	}
	return maps
}

// adapterEpsilon is the epsilon of the adapter's LayerNorms.
const adapterEpsilon = 1e-6

func (n *net) adapterNorm(name string, x *Node) *Node {
	return layerNorm(x, n.params.at(name+".weight"), n.params.at(name+".bias"), adapterEpsilon)
}
