package arch

import "math/bits"

// Kind is the family of the backbone.
type Kind string

const (
	DINOv2 Kind = "dinov2" // learned absolute position embedding
	DINOv3 Kind = "dinov3" // axial rotary position embedding, key without bias
)

// Architecture determines a network's parameters and computation. A backbone alone
// has no Queries, Classes, MaskBlocks and Upscales. The JSON form is that of a
// checkpoint's state.json.
type Architecture struct {
	Network    string  `json:"network,omitempty"` // empty is EoMT
	Kind       Kind    `json:"kind"`
	Width      int     `json:"width"`  // D
	Blocks     int     `json:"blocks"` // all blocks of the ViT
	Heads      int     `json:"heads"`  // A; head dimension is Width/Heads
	Hidden     int     `json:"hidden"` // MLP width; with SwiGLU of each half
	SwiGLU     bool    `json:"swiglu,omitempty"`
	Patch      int     `json:"patch"`     // pixels per patch side
	Grid       [2]int  `json:"grid"`      // patches in height and width of the images that it is for
	Registers  int     `json:"registers"` // register tokens after cls
	Queries    int     `json:"queries,omitempty"`
	Classes    int     `json:"classes,omitempty"`     // without no-object
	MaskBlocks int     `json:"mask_blocks,omitempty"` // L2, the last blocks, which see the queries
	Upscales   int     `json:"upscales,omitempty"`    // ScaleBlocks
	HeadSiLU   bool    `json:"head_silu,omitempty"`   // SiLU instead of GELU in mask head and ScaleBlocks, as in transformers' gated EomtDinov3
	NormEps    float64 `json:"norm_eps"`              // of the backbone's LayerNorms
	RopeTheta  float64 `json:"rope_theta,omitempty"`  // base of the rotary periods; DINOv3 only
	LoRA       LoRA    `json:"lora,omitzero"`         // of training; weights are merged wherever they are read to be used

	// Of networks with a Transformer decoder.
	DecoderWidth  int `json:"decoder_width,omitempty"` // d, also the pixel decoder's
	DecoderHeads  int `json:"decoder_heads,omitempty"` // also the pixel decoder's
	DecoderLayers int `json:"decoder_layers,omitempty"`
	DecoderHidden int `json:"decoder_hidden,omitempty"`
	EncoderLayers int `json:"encoder_layers,omitempty"` // of the pixel decoder
	EncoderHidden int `json:"encoder_hidden,omitempty"`
}

// NetworkName is the network's name, also where Network is empty.
func (a Architecture) NetworkName() string {
	if a.Network == "" {
		return EoMT
	}
	return a.Network
}

// BackboneOnly reports whether a has no segmentation head.
func (a Architecture) BackboneOnly() bool { return a.Queries == 0 }

// Backbone is a without its segmentation head.
func (a Architecture) Backbone() Architecture {
	a.Queries, a.Classes, a.MaskBlocks, a.Upscales = 0, 0, 0, 0
	a.LoRA = LoRA{}
	return a.withDecoder(Architecture{})
}

// ForKind sets the backbone's family and the constants that every release of
// that family has: epsilon of the norms and base of the rotary periods.
func (a Architecture) ForKind(kind Kind) Architecture {
	a.Kind, a.NormEps, a.RopeTheta = kind, 1e-6, 0
	if kind == DINOv3 {
		a.NormEps, a.RopeTheta = 1e-5, 100
	}
	return a
}

// ForPatch sets the patch size and the number of ScaleBlocks that follows: each
// doubles the map, from the patch grid to stride 4 (2 where the patch is 4).
// Source: models/eomt.py, max(1, log2(patch) - 2).
func (a Architecture) ForPatch(patch int) Architecture {
	a.Patch, a.Upscales = patch, upscales(patch)
	return a
}

func upscales(patch int) int { return max(1, bits.Len(uint(max(patch, 0)))-3) }

// ForImage sets the grid to that of images of h x w pixels.
func (a Architecture) ForImage(h, w int) (Architecture, error) {
	if err := a.checkImage(h, w); err != nil {
		return a, err
	}
	a.Grid = [2]int{h / a.Patch, w / a.Patch}
	return a, nil
}

// GridH and GridW are the patches along each side.
func (a Architecture) GridH() int { return a.Grid[0] }
func (a Architecture) GridW() int { return a.Grid[1] }

// ImageH and ImageW are the pixels of an image.
func (a Architecture) ImageH() int { return a.Grid[0] * a.Patch }
func (a Architecture) ImageW() int { return a.Grid[1] * a.Patch }

// Prefix is R, the tokens between queries and patches: cls and registers.
func (a Architecture) Prefix() int { return 1 + a.Registers }

// HeadDim is E.
func (a Architecture) HeadDim() int { return a.Width / a.Heads }

// MaskH and MaskW are the size h, w of the mask logits.
func (a Architecture) MaskH() int { return a.Grid[0] << a.Upscales }
func (a Architecture) MaskW() int { return a.Grid[1] << a.Upscales }

// FirstQueryBlock is the index of the first block that sees queries.
func (a Architecture) FirstQueryBlock() int { return a.Blocks - a.MaskBlocks }

// Predictions is the number of predictions that a training step supervises: one
// before each block that sees queries or each decoder layer, and the final one.
func (a Architecture) Predictions() int {
	if a.HasDecoder() {
		return a.DecoderLayers + 1
	}
	return a.MaskBlocks + 1
}
