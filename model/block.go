package model

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
)

// block is pre-norm block i over x [B, S, D]:
// x += ls1 * attn(norm1 x); x += ls2 * mlp(norm2 x).
func (n *net) block(i int, x, allowedBQN *Node, rope *rotary) *Node {
	name := fmt.Sprintf("backbone.blocks.%d", i)
	return n.remat(name+".", x, func(n *net, x *Node) *Node { return n.blockOf(name, x, allowedBQN, rope) })
}

func (n *net) blockOf(name string, x, allowedBQN *Node, rope *rotary) *Node {
	y := n.attention(name+".attn", n.norm(name+".norm1", x), allowedBQN, rope)
	x = Add(x, n.layerScale(name+".ls1.gamma", y))
	y = n.mlp(name+".mlp", n.norm(name+".norm2", x))
	return Add(x, n.layerScale(name+".ls2.gamma", y))
}

func (n *net) layerScale(name string, x *Node) *Node {
	return n.scale(x, n.params.at(name))
}

// mlp is Linear-GELU-Linear, or silu(x1)*x2 between two Linear where SwiGLU.
func (n *net) mlp(name string, x *Node) *Node {
	x = n.linear(name+".fc1", x)
	if n.SwiGLU {
		x = recompute(func(in []*Node) *Node { return gated(in[0]) }, x)
	} else {
		x = gelu(x)
	}
	return n.linear(name+".fc2", x)
}

// gated is silu(first) * second of the halves of x [..., 2H].
func gated(x *Node) *Node {
	axis, half := x.Rank()-1, x.Shape().Dim(-1)/2
	gate := widened(SliceAxis(x, axis, AxisRange(0, half)))
	value := widened(SliceAxis(x, axis, AxisRangeToEnd(half)))
	return ConvertDType(Mul(Mul(gate, Sigmoid(gate)), value), x.DType())
}
