package model

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// rotary rotates queries and keys of patch tokens by their position; the first
// skip tokens (queries and prefix) stay as they are.
type rotary struct {
	cosNE, sinNE *Node
	skip         int
}

// newRotary builds the axial rotary embedding of the patch grid. Patch centres
// are in [-1, 1] on both axes; angle = 2 pi centre / theta^(2i/(E/2)), i < E/4,
// rows first, then columns, the pair repeated over both halves of E. scale, a
// scalar node or nil, multiplies the coordinates (the training-time rescale).
func (n *net) newRotary(g *Graph, skip int, scale *Node) *rotary {
	gh, gw, e := n.GridH(), n.GridW(), n.HeadDim()
	angles := make([]float64, 0, gh*gw*e/2)
	for y := range gh {
		for x := range gw {
			for _, centre := range []float64{
				2*(float64(y)+0.5)/float64(gh) - 1,
				2*(float64(x)+0.5)/float64(gw) - 1,
			} {
				for i := range e / 4 {
					period := math.Pow(n.RopeTheta, 2*float64(i)/float64(e/2))
					angles = append(angles, 2*math.Pi*centre/period)
				}
			}
		}
	}
	dtype := n.params.at("backbone.cls_token").DType()
	half := Reshape(ConstAsDType(g, dtype, angles), gh*gw, e/2)
	if scale != nil {
		half = Mul(half, ConvertDType(scale, dtype))
	}
	full := Concatenate([]*Node{half, half}, 1)
	return &rotary{cosNE: Cos(full), sinNE: Sin(full), skip: skip}
}

// rotate maps x [B, A, S, E]: x cos + rotateHalf(x) sin on tokens from skip on.
func (r *rotary) rotate(x *Node) *Node {
	fixed := SliceAxis(x, 2, AxisRange(0, r.skip))
	moved := widened(SliceAxis(x, 2, AxisRangeToEnd(r.skip)))
	e := x.Shape().Dimensions[3]
	first := SliceAxis(moved, 3, AxisRange(0, e/2))
	second := SliceAxis(moved, 3, AxisRangeToEnd(e/2))
	turned := Concatenate([]*Node{Neg(second), first}, 3)
	dims := moved.Shape().Dimensions
	cos, sin := BroadcastToDims(InsertAxes(r.cosNE, 0, 0), dims...), BroadcastToDims(InsertAxes(r.sinNE, 0, 0), dims...)
	moved = Add(Mul(moved, cos), Mul(turned, sin))
	return Concatenate([]*Node{fixed, ConvertDType(moved, x.DType())}, 2)
}
