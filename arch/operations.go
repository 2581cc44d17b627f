package arch

// MultiplyAdds counts the multiplications with an addition of the matrix
// products and convolutions of one image's forward pass with the given number of
// predict steps: 1 without masks, MaskBlocks+1 with them. Networks that mask always
// need all predictions whatever is asked for. This is what the paper's
// tables call FLOPs (multiply and add as one); norms, softmax and activations,
// about a thousandth, are left out.
func (a Architecture) MultiplyAdds(predictions int) int64 {
	if a.NetworkName() != EoMT {
		predictions = a.Predictions()
	}
	patches := int64(a.Grid[0]) * int64(a.Grid[1])
	tokens := patches + int64(a.Prefix())
	withQueries := tokens + int64(a.Queries)
	embedding := patches * int64(a.Width) * int64(3*a.Patch*a.Patch)
	if a.HasDecoder() {
		return embedding + int64(a.Blocks)*a.blockMultiplyAdds(tokens) + a.decodersMultiplyAdds()
	}
	return embedding +
		int64(a.FirstQueryBlock())*a.blockMultiplyAdds(tokens) +
		int64(a.MaskBlocks)*a.blockMultiplyAdds(withQueries) +
		int64(predictions)*a.predictMultiplyAdds(patches)
}

// blockMultiplyAdds is of one block over a number of tokens: qkv and projection,
// both attention products, and the MLP's two or, where gated, three matrices.
func (a Architecture) blockMultiplyAdds(tokens int64) int64 {
	d, hidden := int64(a.Width), int64(a.Hidden)
	matrices := int64(2)
	if a.SwiGLU {
		matrices = 3
	}
	return tokens*(4*d*d+matrices*d*hidden) + 2*tokens*tokens*d
}

// predictMultiplyAdds is of one predict step: class head, mask head, ScaleBlocks
// (transposed and depthwise convolution) and the product of masks and map.
func (a Architecture) predictMultiplyAdds(patches int64) int64 {
	d, queries := int64(a.Width), int64(a.Queries)
	sum := queries * d * (int64(a.Classes+1) + 3*d)
	pixels := patches
	for range a.Upscales {
		pixels *= 4
		sum += pixels * d * (d + 9)
	}
	return sum + queries*pixels*d
}
