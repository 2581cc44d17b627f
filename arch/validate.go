package arch

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// fieldError states which value is invalid, and why.
func fieldError(field string, value any, rule string) error {
	return fmt.Errorf("model: %s %v: %s", field, value, rule)
}

// Validate reports the first value that no network of a's name can have.
func (a Architecture) Validate() error {
	switch {
	case !slices.Contains(Networks, a.NetworkName()):
		return fieldError("network", a.Network, "expected one of "+strings.Join(Networks, ", "))
	case a.Kind != DINOv2 && a.Kind != DINOv3:
		return fieldError("kind", a.Kind, "expected dinov2 or dinov3")
	case a.Width <= 0:
		return fieldError("width", a.Width, "must be positive")
	case a.Heads <= 0 || a.Width%a.Heads != 0:
		return fieldError("heads", a.Heads, fmt.Sprintf("must divide the width %d", a.Width))
	case a.Kind == DINOv3 && a.Width/a.Heads%4 != 0:
		return fieldError("heads", a.Heads, fmt.Sprintf("head dimension %d must be a multiple of 4 for rotary embedding", a.Width/a.Heads))
	case a.Hidden <= 0:
		return fieldError("mlp_hidden", a.Hidden, "must be positive")
	case a.Blocks <= 0:
		return fieldError("blocks", a.Blocks, "must be positive")
	case a.HasDecoder() && a.MaskBlocks != 0:
		return fieldError("query_blocks", a.MaskBlocks, "no block of "+a.Network+" sees queries")
	case !a.HasDecoder() && (a.MaskBlocks <= 0 || a.MaskBlocks > a.Blocks):
		return fieldError("query_blocks", a.MaskBlocks, fmt.Sprintf("must be between 1 and the number of blocks, %d", a.Blocks))
	case a.Registers < 0:
		return fieldError("registers", a.Registers, "must not be negative")
	case a.Patch < 4 || bits.OnesCount(uint(a.Patch)) != 1:
		return fieldError("patch", a.Patch, "must be a power of two, at least 4")
	case a.Upscales != upscales(a.Patch):
		return fieldError("upscaling blocks", a.Upscales, fmt.Sprintf("patch %d takes %d", a.Patch, upscales(a.Patch)))
	case a.Queries <= 0:
		return fieldError("queries", a.Queries, "must be positive")
	case a.Classes <= 0:
		return fieldError("classes", a.Classes, "must be positive")
	case a.NormEps <= 0:
		return fieldError("norm epsilon", a.NormEps, "must be positive")
	case a.Kind == DINOv2 && a.RopeTheta != 0:
		return fieldError("rope_theta", a.RopeTheta, "dinov2 has no rotary embedding")
	case a.Kind == DINOv3 && a.RopeTheta <= 0:
		return fieldError("rope_theta", a.RopeTheta, "must be positive")
	}
	if err := a.checkDecoders(); err != nil {
		return err
	}
	if err := a.LoRA.validate(); err != nil {
		return err
	}
	return a.checkImage(a.ImageH(), a.ImageW())
}

// checkDecoders reports sizes of a network with a Transformer decoder that do not fit.
// Without decoders their sizes are 0.
func (a Architecture) checkDecoders() error {
	switch {
	case !a.HasDecoder():
		if a.withDecoder(Architecture{}) != a {
			return fieldError("decoder_width", a.DecoderWidth, a.NetworkName()+" has no decoder: its sizes must be 0")
		}
		return nil
	case a.Patch != 16:
		return fieldError("patch", a.Patch, a.Network+" takes 16")
	case a.DecoderWidth <= 0 || a.DecoderWidth%4 != 0:
		return fieldError("decoder_width", a.DecoderWidth, "must be a positive multiple of 4 for sine positions")
	case a.DecoderHeads <= 0 || a.DecoderWidth%a.DecoderHeads != 0:
		return fieldError("decoder_heads", a.DecoderHeads, fmt.Sprintf("must divide the decoder's width %d", a.DecoderWidth))
	case a.DecoderLayers <= 0:
		return fieldError("decoder_layers", a.DecoderLayers, "must be positive")
	case a.DecoderHidden <= 0:
		return fieldError("decoder_hidden", a.DecoderHidden, "must be positive")
	case a.HasPixelDecoder() && a.DecoderWidth%NormGroups != 0:
		return fieldError("decoder_width", a.DecoderWidth, fmt.Sprintf("must be a multiple of the pixel decoder's %d groups", NormGroups))
	case a.HasPixelDecoder() && a.EncoderLayers <= 0:
		return fieldError("encoder_layers", a.EncoderLayers, "must be positive")
	case a.HasPixelDecoder() && a.EncoderHidden <= 0:
		return fieldError("encoder_hidden", a.EncoderHidden, "must be positive")
	case !a.HasPixelDecoder() && a.EncoderLayers != 0:
		return fieldError("encoder_layers", a.EncoderLayers, a.Network+" has no pixel decoder: must be 0")
	case !a.HasPixelDecoder() && a.EncoderHidden != 0:
		return fieldError("encoder_hidden", a.EncoderHidden, a.Network+" has no pixel decoder: must be 0")
	case a.HasAdapter() && a.Blocks < Interactions:
		return fieldError("blocks", a.Blocks, fmt.Sprintf("the adapter interacts with %d groups of blocks", Interactions))
	case a.HasAdapter() && (a.Width%4 != 0 || a.Width%(2*a.Heads) != 0):
		return fieldError("heads", a.Heads, fmt.Sprintf("the adapter halves the width %d for its values: it must be a multiple of 4 and of twice the heads", a.Width))
	}
	return nil
}

// checkImage reports an image size that is no whole grid of patches, or of which no
// map at stride 32 can be made where a network needs that.
func (a Architecture) checkImage(h, w int) error {
	for _, side := range []struct {
		name   string
		pixels int
	}{{"image height", h}, {"image width", w}} {
		if a.Patch <= 0 || side.pixels <= 0 || side.pixels%a.Patch != 0 {
			return fieldError(side.name, side.pixels, fmt.Sprintf("must be a positive multiple of the patch, %d", a.Patch))
		}
		if a.HasDecoder() && side.pixels%32 != 0 {
			return fieldError(side.name, side.pixels, "must be a multiple of 32 for "+a.Network)
		}
	}
	return nil
}

// CheckRead reports a value that names and shapes of parameters do not show, and
// that was therefore read from a configuration, where it cannot be.
func (a Architecture) CheckRead() error {
	switch {
	case !slices.Contains(Networks, a.NetworkName()):
		return fmt.Errorf("the network %s is unknown to this version", a.Network)
	case a.Heads < 0 || a.Heads > 0 && a.Width%a.Heads != 0:
		return fmt.Errorf("%d attention heads cannot share a width of %d", a.Heads, a.Width)
	case a.DecoderHeads < 0 || a.DecoderHeads > 0 && a.DecoderWidth%a.DecoderHeads != 0:
		return fmt.Errorf("%d attention heads cannot share a decoder's width of %d", a.DecoderHeads, a.DecoderWidth)
	case a.Grid[0] < 0 || a.Grid[1] < 0 || a.Grid[0] > maxGrid || a.Grid[1] > maxGrid:
		return fmt.Errorf("a grid of %d x %d patches is of no image", a.Grid[0], a.Grid[1])
	case !(a.NormEps > 0 && a.NormEps < 1):
		return fmt.Errorf("an epsilon of %g is none for a norm", a.NormEps)
	case a.Kind == DINOv3 && !(a.RopeTheta > 0):
		return fmt.Errorf("a RoPE base of %g is not positive", a.RopeTheta)
	}
	return nil
}

// maxGrid is more patches per side than any image has that could be computed on.
const maxGrid = 1 << 16
