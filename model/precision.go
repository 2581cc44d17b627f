package model

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// With a narrow [Options].Precision (bfloat16) dtypes change in few places, which
// docs/precision.md lists:
//
//   - [net.product] takes operands of any dtype and returns activations; weights stay
//     in the parameters' dtype, and so do their gradients, which come from sums of that
//     width;
//   - norms, softmax, GELU, gates, rotations and depthwise convolutions compute in
//     [widened] numbers and return activations;
//   - [columnSums], the gradients of biases and scales, and logits are wide.

// activation is x in the dtype of activations.
func (n *net) activation(x *Node) *Node { return ConvertDType(x, n.dtype) }

// widened is x, or x as float32 where its dtype is narrower.
func widened(x *Node) *Node { return ConvertDType(x, wide(x.DType())) }

func wide(dtype dtypes.DType) dtypes.DType {
	if dtype.IsHalfPrecision() {
		return dtypes.Float32
	}
	return dtype
}
