package model

import (
	"fmt"
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// pixelDecoder is Mask2Former's (arXiv 2112.01527) with multi-scale deformable
// attention: of maps at strides 4, 8, 16 and 32 it makes the maps that the decoder
// attends to, at strides 32, 16 and 8, and the mask features at stride 4.
// Source: transformers 5.24, Mask2FormerPixelDecoder.
func (n *net) pixelDecoder(maps []*Node) (levels []*Node, featuresBhwd *Node) {
	d, g := n.DecoderWidth, maps[0].Graph()
	var grids []grid
	var tokens, positions []*Node
	for k, m := range []*Node{maps[3], maps[2], maps[1]} {
		at := grid{m.Shape().Dim(1), m.Shape().Dim(2)}
		grids = append(grids, at)
		name := fmt.Sprintf("pixel.input_projections.%d.", k)
		tokens = append(tokens, toTokens(n.groupNorm(name+"1", n.pointwise(name+"0", m))))
		positions = append(positions, Add(n.sine(g, at), n.levelEmbed("pixel.level_embed", k, at)))
	}
	y := Concatenate(tokens, 1)
	position := n.activation(BroadcastLike(InsertAxes(Concatenate(positions, 0), 0), y))
	points := references(grids...)
	for i := range n.EncoderLayers {
		y = n.encoderLayer(fmt.Sprintf("pixel.encoder.layers.%d.", i), y, position, points, grids)
	}
	levels = splitMaps(y, grids)
	f4 := n.groupNorm("pixel.adapter_1.1", n.convolve(maps[0], n.params.at("pixel.adapter_1.0.weight"), 1))
	f4 = Add(f4, enlarge(levels[2], 2))
	f4 = n.convolve(f4, n.params.at("pixel.layer_1.0.weight"), 1)
	f4 = relu(n.groupNorm("pixel.layer_1.1", f4))
	f4.AssertDims(-1, -1, -1, d)
	return levels, n.pointwise("pixel.mask_projection", f4)
}

// encoderLayer is post-norm deformable attention and MLP. Positions go into the queries,
// never into the values.
func (n *net) encoderLayer(name string, y, position *Node, points []float64, grids []grid) *Node {
	a := n.attendPoints(name+"self_attn", Add(y, position), points, y, grids, n.DecoderHeads, n.DecoderWidth)
	y = n.layerNormOf(name+"self_attn_layer_norm", Add(y, a))
	return n.layerNormOf(name+"final_layer_norm", Add(y, n.feedForward(name, y)))
}

// feedForward is Linear-ReLU-Linear.
func (n *net) feedForward(name string, x *Node) *Node {
	return n.linear(name+"fc2", relu(n.linear(name+"fc1", x)))
}

// levelEmbed is row k of an embedding of levels, for each position of a grid [h*w, d].
func (n *net) levelEmbed(name string, k int, at grid) *Node {
	row := SliceAxis(n.params.at(name), 0, AxisElem(k))
	return BroadcastToDims(row, at.size(), n.DecoderWidth)
}

// sine is the constant position embedding [h*w, d] of a grid: half of the channels for
// y, half for x; positions from 1 on, divided by the side, times 2 pi; sine and cosine in
// turn, at frequencies that fall to 1/10000.
func (n *net) sine(g *Graph, at grid) *Node {
	half := n.DecoderWidth / 2
	axis := func(i, size int) []float64 {
		u := float64(i+1) / (float64(size) + 1e-6) * 2 * math.Pi
		list := make([]float64, half)
		for k := range list {
			angle := u / math.Pow(10000, 2*float64(k/2)/float64(half))
			if k%2 == 0 {
				list[k] = math.Sin(angle)
			} else {
				list[k] = math.Cos(angle)
			}
		}
		return list
	}
	var values []float64
	for i := range at.h {
		for j := range at.w {
			values = append(values, slices.Concat(axis(i, at.h), axis(j, at.w))...)
		}
	}
	return Reshape(ConstAsDType(g, n.inParameters().dtype, values), at.size(), n.DecoderWidth)
}
