package names

// The buffers that the EoMT formats keep beside the parameters.
const (
	OfficialMaskProbs = "network.attn_mask_probs"    // [L2]
	OfficialPixelMean = "network.encoder.pixel_mean" // [1, 3, 1, 1]
	OfficialPixelStd  = "network.encoder.pixel_std"  // [1, 3, 1, 1]
	HFMaskProbs       = "attn_mask_probs"            // [L2]
	HFRegisters       = "embeddings.register_tokens" // a parameter; [1, 0, D] where a model has none
	EmptyWeight       = "criterion.empty_weight"     // [C + 1], class weights of the loss
)
