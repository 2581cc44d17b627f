package model

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
)

// ImageNet statistics of pixels in [0, 1] (docs/eomt.md section 1).
var (
	imageMean = []float64{0.485, 0.456, 0.406}
	imageStd  = []float64{0.229, 0.224, 0.225}
)

// Normalize turns uint8 RGB [B, H, W, 3] into the dtype's ImageNet-normalised values.
func Normalize(imagesBHW3 *Node, dtype dtypes.DType) *Node {
	g := imagesBHW3.Graph()
	x := DivScalar(ConvertDType(imagesBHW3, dtype), 255.0)
	mean, std := ConstAsDType(g, dtype, imageMean), ConstAsDType(g, dtype, imageStd)
	return Div(Sub(x, alongLastAxis(mean, x)), alongLastAxis(std, x))
}

// embed makes tokens [B, R+N, D] = [cls, registers, patches] of normalised
// pixels [B, H, W, 3]. The position embedding, if any, is added to patches only.
func (n *net) embed(pixelsBHW3 *Node) *Node {
	b, d, p := pixelsBHW3.Shape().Dimensions[0], n.Width, n.Patch
	gh, gw := n.GridH(), n.GridW()
	// A stride-p convolution as one product: each patch becomes a row in the
	// weight's own order (channel, y, x).
	x := Reshape(pixelsBHW3, b, gh, p, gw, p, 3)
	x = TransposeAllAxes(x, 0, 1, 3, 5, 2, 4)
	x = Reshape(x, b, gh*gw, 3*p*p)
	w := Reshape(n.params.at("backbone.patch_embed.proj.weight"), d, 3*p*p)
	patches := n.addBias(n.dot(x, w), n.params.at("backbone.patch_embed.proj.bias"))
	if n.Kind == arch.DINOv2 {
		position := BroadcastToDims(n.params.at("backbone.pos_embed"), b, gh*gw, d)
		patches = n.activation(Add(widened(patches), position))
	}
	tokens := []*Node{n.activation(BroadcastToDims(n.params.at("backbone.cls_token"), b, 1, d))}
	if n.Registers > 0 {
		tokens = append(tokens, n.activation(BroadcastToDims(n.params.at("backbone.reg_token"), b, n.Registers, d)))
	}
	return Concatenate(append(tokens, patches), 1)
}
