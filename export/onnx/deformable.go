package onnx

import "eomt/arch"

// points is a multi-scale deformable attention: each head of a query sums 4 points a
// level of its values, at places and with weights that the query's token gives.
type points struct {
	name    string // of its nodes and its parameters
	heads   int
	queries []grid // on whose pixels the queries stand, one map after the other
	levels  []grid // of the maps whose tokens are the features
	gamma   string // the parameter that scales the result; empty where there is none
}

// attendPoints is p of queries [batch, T, D] to features [batch, S, D]. Values, places
// and weights have the head beside the batch and T last, so that a level is one
// GridSample. That is float32: a float16 coordinate is off by a part of a pixel.
func (g *graph) attendPoints(p points, queries, features string) string {
	width, t := g.tensors[p.name+".value_proj.weight"].Shape[0], total(p.queries)
	projection := func(what, x string) string {
		return g.linear(p.name+"."+what, g.narrow(x), g.whole(p.name+"."+what))
	}
	values := g.wide(g.transpose(p.name+".values", projection("value_proj", features), 0, 2, 1))
	maps := g.split(p.name+".values.levels", values, 2, sizes(p.levels)...)
	places := g.split(p.name+".places.levels", g.places(p, projection("sampling_offsets", queries)), 2, p.each()...)
	shares := g.split(p.name+".weights.levels", g.pointWeights(p, projection("attention_weights", queries)), 2, p.each()...)
	sum := ""
	for l, at := range p.levels {
		m := g.reshape(maps[l]+".map", maps[l], -1, width/p.heads, at.h, at.w)
		// The operator's defaults are what is wanted: bilinear, zeros outside, half-pixel centres.
		sample := g.node("GridSample", maps[l]+".samples", []string{m, g.reshape(places[l]+".heads", places[l], -1, arch.Points, t, 2)})
		sample = g.mul(maps[l]+".weighted", sample, g.reshape(shares[l]+".heads", shares[l], -1, 1, arch.Points, t))
		sample = g.node("ReduceSum", maps[l]+".sum", []string{sample, g.ints(2)}, integer("keepdims", 0))
		if l > 0 {
			sample = g.add(maps[l]+".total", sum, sample)
		}
		sum = sample
	}
	out := g.transpose(p.name+".out.tokens", g.reshape(p.name+".out", sum, -1, width, t), 0, 2, 1)
	output := g.whole
	if p.gamma != "" {
		output = func(name string) weights { return g.scaledRows(name, p.gamma, "gamma") }
	}
	return g.wide(g.linear(p.name+".output_proj", g.narrow(out), output(p.name+".output_proj")))
}

// each are the points of each level.
func (p points) each() (list []int) {
	for range p.levels {
		list = append(list, arch.Points)
	}
	return list
}

// places are where the points lie, [batch, heads, levels*points, T, 2], xy from -1 to 1 on
// the map: twice the query's own place and the offset, given in pixels of the level, less 1.
func (g *graph) places(p points, offsets string) string {
	samples := len(p.levels) * arch.Points
	x := g.reshape(p.name+".offsets", offsets, 0, 0, p.heads, samples, 2)
	x = g.wide(g.transpose(p.name+".offsets.heads", x, 0, 2, 3, 1, 4))
	var pixel []float32
	for _, at := range p.levels {
		for range arch.Points {
			pixel = append(pixel, 2/float32(at.w), 2/float32(at.h))
		}
	}
	x = g.mul(p.name+".offsets.scaled", x, g.numbers(p.name+".pixel", []int{samples, 1, 2}, pixel...))
	return g.add(p.name+".places", x, g.numbers(p.name+".references", []int{total(p.queries), 2}, references(p.queries)...))
}

// references are the pixels' centres, xy from -1 to 1 on their map.
func references(grids []grid) (list []float32) {
	for _, at := range grids {
		for i := range at.h {
			for j := range at.w {
				list = append(list, float32((2*float64(j)+1)/float64(at.w)-1), float32((2*float64(i)+1)/float64(at.h)-1))
			}
		}
	}
	return list
}

// pointWeights are the softmax of a query's weights in each head, [batch, heads,
// levels*points, T].
func (g *graph) pointWeights(p points, x string) string {
	x = g.wide(g.reshape(p.name+".weights.heads", x, 0, 0, p.heads, len(p.levels)*arch.Points))
	x = g.node("Softmax", p.name+".softmax", []string{x}, integer("axis", -1))
	return g.transpose(p.name+".weights", x, 0, 2, 3, 1)
}

// total is the number of all maps' pixels.
func total(grids []grid) (n int) {
	for _, at := range grids {
		n += at.size()
	}
	return n
}
