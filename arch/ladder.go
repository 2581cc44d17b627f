package arch

import "strings"

// The networks that a configuration can name. They are the rungs of Table 1 of arXiv
// 2503.19108, from EoMT up to ViT-Adapter with Mask2Former.
const (
	EoMT                  = "eomt"                     // rung 5, the default
	EoMTMasked            = "eomt_masked"              // rung 4: masked attention in training and inference
	SingleScaleDecoder    = "vit_decoder_single_scale" // rung 3: Transformer decoder on the ViT's own scale
	MultiScaleDecoder     = "vit_decoder"              // rung 2: on three scales of a pyramid
	ViTMask2Former        = "vit_mask2former"          // rung 1: with a pixel decoder
	ViTAdapterMask2Former = "vit_adapter_mask2former"  // rung 0: with ViT-Adapter in place of the pyramid
)

// Networks lists them from rung 5 to rung 0.
var Networks = []string{EoMT, EoMTMasked, SingleScaleDecoder, MultiScaleDecoder, ViTMask2Former, ViTAdapterMask2Former}

// Constants of Mask2Former and ViT-Adapter at every size.
const (
	NormGroups   = 32 // of a GroupNorm in the pixel decoder
	Points       = 4  // that deformable attention samples per head and level
	StemWidth    = 64 // channels of the spatial prior's first map
	Interactions = 4  // between adapter and ViT
)

// HasDecoder reports whether queries are processed by a Transformer decoder instead of
// by the ViT.
func (a Architecture) HasDecoder() bool {
	return !a.BackboneOnly() && a.NetworkName() != EoMT && a.NetworkName() != EoMTMasked
}

// HasPixelDecoder reports whether a pixel decoder stands between ViT and decoder.
func (a Architecture) HasPixelDecoder() bool {
	return a.HasDecoder() && (a.Network == ViTMask2Former || a.Network == ViTAdapterMask2Former)
}

// HasAdapter reports whether the ViT has a ViT-Adapter.
func (a Architecture) HasAdapter() bool { return a.HasDecoder() && a.Network == ViTAdapterMask2Former }

// Levels is the number of maps that the decoder's layers attend to in turn.
func (a Architecture) Levels() int {
	switch {
	case !a.HasDecoder():
		return 0
	case a.Network == SingleScaleDecoder:
		return 1
	}
	return 3
}

// AnnealedBlocks is the number of mask probabilities that a training step supplies.
func (a Architecture) AnnealedBlocks() int {
	if a.NetworkName() != EoMT {
		return 0
	}
	return a.MaskBlocks
}

// InteractionBlocks are the ViT's blocks of interaction i with the adapter, the first
// and one past the last.
func (a Architecture) InteractionBlocks(i int) (first, end int) {
	return a.Blocks * i / Interactions, a.Blocks * (i + 1) / Interactions
}

// publishedDecoder are the sizes of Mask2Former, equal at every size of the ViT.
// Source: facebookresearch/Mask2Former at 9b0651c, configs/coco/panoptic-segmentation.
var publishedDecoder = Architecture{DecoderWidth: 256, DecoderHeads: 8, DecoderLayers: 9, DecoderHidden: 2048,
	EncoderLayers: 6, EncoderHidden: 1024}

// withDecoder is a with the sizes of b's decoders.
func (a Architecture) withDecoder(b Architecture) Architecture {
	a.DecoderWidth, a.DecoderHeads, a.DecoderLayers, a.DecoderHidden = b.DecoderWidth, b.DecoderHeads, b.DecoderLayers, b.DecoderHidden
	a.EncoderLayers, a.EncoderHidden = b.EncoderLayers, b.EncoderHidden
	return a
}

// ForNetwork is a as another network of the same ViT, queries and classes. A decoder
// gets the published sizes.
func (a Architecture) ForNetwork(name string) Architecture {
	a.Network = name
	a = a.withDecoder(Architecture{})
	if !a.HasDecoder() {
		return a
	}
	a.MaskBlocks = 0
	a = a.withDecoder(publishedDecoder)
	if !a.HasPixelDecoder() {
		a.EncoderLayers, a.EncoderHidden = 0, 0
	}
	return a
}

// QueryName is the parameter that holds the queries [Queries, width].
func (a Architecture) QueryName() string {
	if a.HasDecoder() {
		return QueryFeatures
	}
	return QueryWeight
}

// queryPrefix is what the names of the queries' parameters start with.
func (a Architecture) queryPrefix() string {
	name := a.QueryName()
	return name[:strings.LastIndex(name, ".")+1]
}

// LevelGrid is the height and width of the map at the given stride in pixels.
func (a Architecture) LevelGrid(stride int) (h, w int) {
	return a.ImageH() / stride, a.ImageW() / stride
}

// DecoderStrides are the strides of the maps that the decoder attends to, in order.
func (a Architecture) DecoderStrides() []int {
	if a.Levels() == 1 {
		return []int{16}
	}
	return []int{32, 16, 8}
}
