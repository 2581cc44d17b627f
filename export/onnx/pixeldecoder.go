package onnx

import "fmt"

// pixelDecoder is Mask2Former's, with multi-scale deformable attention: of maps at
// strides 4, 8, 16 and 32 it makes those that the decoder attends to, at strides 32, 16
// and 8, and the mask features at stride 4.
func (g *graph) pixelDecoder(maps []featureMap) (levels []level, features featureMap) {
	var grids []grid
	var tokens []string
	for k, m := range []featureMap{maps[3], maps[2], maps[1]} {
		name := fmt.Sprintf("pixel.input_projections.%d", k)
		m = g.groupNorm(name+".1", g.pointwise(name+".0", m), name+".1")
		grids, tokens = append(grids, m.grid), append(tokens, g.toTokens(m))
	}
	y := g.concat("pixel.tokens", 1, tokens...)
	positions := g.pixelPositions(grids)
	for i := range g.EncoderLayers {
		y = g.encoderLayer(fmt.Sprintf("pixel.encoder.layers.%d", i), y, positions, grids)
	}
	for k, part := range g.split("pixel.levels", y, 1, sizes(grids)...) {
		levels = append(levels, level{part, grids[k]})
	}
	f4 := g.convolution("pixel.adapter_1.0", maps[0], 1, 1, g.operand("pixel.adapter_1.0.weight"))
	f4 = g.groupNorm("pixel.adapter_1.1", f4, "pixel.adapter_1.1")
	f8 := g.toMap("pixel.f8", levels[2].tokens, grids[2])
	f4.value = g.add("pixel.f4", f4.value, g.enlarge("pixel.f8.enlarged", f8, 2).value)
	f4 = g.convolution("pixel.layer_1.0", f4, 3, 1, g.operand("pixel.layer_1.0.weight"))
	f4 = g.groupNorm("pixel.layer_1.1", f4, "pixel.layer_1.1")
	f4.value = g.relu("pixel.layer_1.2", f4.value)
	return levels, g.pointwise("pixel.mask_projection", f4)
}

// encoderLayer is post-norm deformable attention and MLP. Positions go into the queries,
// never into the values.
func (g *graph) encoderLayer(name, y, positions string, grids []grid) string {
	p := points{name: name + ".self_attn", heads: g.DecoderHeads, queries: grids, levels: grids}
	a := g.attendPoints(p, g.add(name+".queries", y, positions), y)
	y = g.layerNormOf(name+".self_attn_layer_norm", g.add(name+".self_attn.residual", y, a), name+".self_attn_layer_norm")
	return g.feedForward(name, y, name+".final_layer_norm")
}

// pixelPositions are the sine positions of maps one after the other, each with its
// level's embedding, [S, d].
func (g *graph) pixelPositions(grids []grid) string {
	d := g.DecoderWidth
	return g.constant("pixel.level_embed/sine", float32Type, []int{total(grids), d}, func() ([]float32, error) {
		embedding, err := g.read("pixel.level_embed")
		if err != nil {
			return nil, err
		}
		var list []float32
		for k, at := range grids {
			for i, v := range sinePositions(at, d) {
				list = append(list, v+embedding[k*d+i%d])
			}
		}
		return list, nil
	})
}
