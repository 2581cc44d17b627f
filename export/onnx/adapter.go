package onnx

import (
	"fmt"

	"eomt/arch"
)

// adapterEpsilon is that of the adapter's LayerNorms.
const adapterEpsilon = 1e-6

// adapter runs the ViT's blocks on tokens x together with ViT-Adapter: tokens c of the
// spatial prior's maps at strides 8, 16 and 32 are injected into the patches before each
// quarter of the blocks, and extract from them after it. It returns maps at strides 4,
// 8, 16 and 32. The ViT's final norm is not used.
func (g *graph) adapter(pixels, x string) []featureMap {
	prior := g.spatialPrior(pixels)
	c := g.priorTokens(prior[1:])
	var taps []string
	for i := range arch.Interactions {
		name := fmt.Sprintf("adapter.interactions.%d", i)
		x = g.inject(name+".injector", x, c)
		first, end := g.InteractionBlocks(i)
		for k := first; k < end; k++ {
			x = g.block(k, x, g.Prefix(), "")
		}
		_, patches := g.withoutPrefix(name, x)
		c = g.extract(name+".extractor", c, patches)
		if i == arch.Interactions-1 {
			c = g.extract(name+".extra_extractors.0", c, patches)
			c = g.extract(name+".extra_extractors.1", c, patches)
		}
		taps = append(taps, patches)
	}
	return g.adapterMaps(prior[0], c, taps)
}

// priorGrids are those of the maps at strides 8, 16 and 32.
func (g *graph) priorGrids() []grid {
	at := g.patchGrid()
	return []grid{at.times(2), at, at.half()}
}

// priorTokens are the tokens of the prior's maps, each with its level's embedding.
func (g *graph) priorTokens(maps []featureMap) string {
	var tokens []string
	for l, m := range maps {
		tokens = append(tokens, g.add(fmt.Sprintf("adapter.level.%d", l), g.toTokens(m), g.row("adapter.level_embed", l)))
	}
	return g.concat("adapter.tokens", 1, tokens...)
}

func (g *graph) adapterNorm(name, x string) string { return g.layerNorm(name, x, name, adapterEpsilon) }

// inject adds to the patches of tokens x what they attend to in c.
func (g *graph) inject(name, x, c string) string {
	prefix, patches := g.withoutPrefix(name, x)
	p := points{name: name + ".attn", heads: g.Heads, queries: []grid{g.patchGrid()}, levels: g.priorGrids(), gamma: name + ".gamma"}
	a := g.attendPoints(p, g.adapterNorm(name+".query_norm", patches), g.adapterNorm(name+".feat_norm", c))
	return g.concat(name+".out", 1, prefix, g.add(name+".residual", patches, a))
}

// extract adds to tokens c what they attend to in the patches, then an MLP with a
// depthwise convolution over each of their maps.
func (g *graph) extract(name, c, patches string) string {
	p := points{name: name + ".attn", heads: g.Heads, queries: g.priorGrids(), levels: []grid{g.patchGrid()}}
	a := g.attendPoints(p, g.adapterNorm(name+".query_norm", c), g.adapterNorm(name+".feat_norm", patches))
	c = g.add(name+".attn.residual", c, a)
	y := g.linear(name+".ffn.fc1", g.narrow(g.adapterNorm(name+".ffn_norm", c)), g.whole(name+".ffn.fc1"))
	const conv = ".ffn.dwconv.dwconv"
	var convolved []string
	for l, m := range g.splitMaps(name+".ffn", y, g.priorGrids()) {
		z := g.node("Conv", fmt.Sprintf("%s.ffn.dwconv.%d", name, l), []string{m.value, g.operand(name + conv + ".weight"), g.operand(name + conv + ".bias")},
			integers("kernel_shape", []int{3, 3}), integers("pads", []int{1, 1, 1, 1}), integer("group", g.Width/4))
		convolved = append(convolved, g.columns(featureMap{z, m.grid}))
	}
	y = g.gelu(name+".ffn.gelu", g.concat(name+".ffn.convolved", 2, convolved...))
	y = g.linear(name+".ffn.fc2", g.transpose(name+".ffn.tokens", y, 0, 2, 1), g.whole(name+".ffn.fc2"))
	return g.add(name+".ffn.residual", c, g.wide(y))
}

// adapterMaps combines the maps of tokens c and the prior's at stride 4 with the ViT's
// patches after each interaction, resized.
func (g *graph) adapterMaps(c1 featureMap, c string, taps []string) []featureMap {
	maps := g.splitMaps("adapter.out", c, g.priorGrids())
	up := g.node("ConvTranspose", "adapter.up", []string{g.narrow(maps[0].value), g.operand("adapter.up.weight"), g.operand("adapter.up.bias")},
		integers("kernel_shape", []int{2, 2}), integers("strides", []int{2, 2}))
	maps = append([]featureMap{{g.add("adapter.f4", c1.value, g.wide(up)), c1.grid}}, maps...)
	for i, m := range maps {
		name := fmt.Sprintf("adapter.norm%d", i+1)
		tap := g.toMap(fmt.Sprintf("adapter.taps.%d", i), taps[i], g.patchGrid())
		switch i {
		case 0, 1:
			tap = g.enlarge(tap.value+".enlarged", tap, m.h/tap.h)
		case 3:
			tap = g.reduce(tap.value+".halved", tap, 2)
		}
		maps[i] = g.batchNorm(name, featureMap{g.add(name+".sum", m.value, tap.value), m.grid}, name)
	}
	return maps
}
