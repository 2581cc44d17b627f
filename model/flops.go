package model

// MultiplyAdds counts the multiplications with an addition of the matrix
// products and convolutions of one image's forward pass with the given number of
// predict steps: 1 without masks, QueryBlocks+1 with them. This is what the paper's
// tables call FLOPs (multiply and add as one); norms, softmax and activations,
// about a thousandth, are left out.
func (c Config) MultiplyAdds(predictions int) int64 {
	patches := int64(c.GridH()) * int64(c.GridW())
	tokens := patches + int64(c.Prefix())
	withQueries := tokens + int64(c.Queries)
	embedding := patches * int64(c.Width) * int64(3*c.Patch*c.Patch)
	return embedding +
		int64(c.FirstQueryBlock())*c.blockMultiplyAdds(tokens) +
		int64(c.QueryBlocks)*c.blockMultiplyAdds(withQueries) +
		int64(predictions)*c.predictMultiplyAdds(patches)
}

// blockMultiplyAdds is of one block over a number of tokens: qkv and projection,
// both attention products, and the MLP's two or, where gated, three matrices.
func (c Config) blockMultiplyAdds(tokens int64) int64 {
	d, hidden := int64(c.Width), int64(c.MLPHidden)
	matrices := int64(2)
	if c.SwiGLU {
		matrices = 3
	}
	return tokens*(4*d*d+matrices*d*hidden) + 2*tokens*tokens*d
}

// predictMultiplyAdds is of one predict step: class head, mask head, ScaleBlocks
// (transposed and depthwise convolution) and the product of masks and map.
func (c Config) predictMultiplyAdds(patches int64) int64 {
	d, queries := int64(c.Width), int64(c.Queries)
	sum := queries * d * (int64(c.Classes+1) + 3*d)
	pixels := patches
	for range c.ScaleBlocks() {
		pixels *= 4
		sum += pixels * d * (d + 9)
	}
	return sum + queries*pixels*d
}
