package model

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// withGradient is y, computed from inputs, with an explicit gradient: gradient takes
// that of y, of y's shape, and returns that of each input. y is not differentiated.
func withGradient(y *Node, inputs []*Node, gradient func(dy *Node) []*Node) *Node {
	var gradients []*Node // set by the backward pass before any input asks for its own
	y = StopGradient(y)
	never := Const(y.Graph(), false)
	for i, input := range inputs {
		path := IdentityWithCustomGradient(input, func(_, _ *Node) *Node { return gradients[i] })
		// Never selected: it leads the backward pass to the input, and the compiler drops it.
		element := BroadcastLike(ConvertDType(firstElement(path), y.DType()), y)
		y = Where(BroadcastLike(never, y), element, y)
	}
	return IdentityWithCustomGradient(y, func(_, dy *Node) *Node {
		gradients = gradient(dy)
		return dy
	})
}

// firstElement is the first number of x, as a scalar.
func firstElement(x *Node) *Node {
	for x.Rank() > 0 {
		x = Squeeze(SliceAxis(x, 0, AxisElem(0)), 0)
	}
	return x
}

// after is x, available only once dy is: divided by a one that depends on dy and that
// the compiler cannot know. What follows from it is therefore recomputed in the
// backward pass instead of being kept from the forward pass. (GoMLX's Node.Checkpoint
// relies on a barrier that go-xla does not emit for one operand.)
func after(dy, x *Node) *Node {
	one := OnePlus(MulScalar(firstElement(StopGradient(dy)), 0))
	return Div(x, BroadcastLike(ConvertDType(one, x.DType()), x))
}

// recompute is f(inputs) with a backward pass that keeps only the inputs and computes
// f again. f's large values should depend on the first input.
func recompute(f func(inputs []*Node) *Node, inputs ...*Node) *Node {
	y := f(stopped(inputs))
	return withGradient(y, inputs, func(dy *Node) []*Node {
		again := make([]*Node, len(inputs))
		for i, input := range stopped(inputs) {
			again[i] = Identity(input)
		}
		again[0] = after(dy, again[0])
		total := ReduceAllSum(Mul(f(again), StopGradient(dy)))
		return Gradient(total, again...)
	})
}

func stopped(nodes []*Node) []*Node {
	out := make([]*Node, len(nodes))
	for i, node := range nodes {
		out[i] = StopGradient(node)
	}
	return out
}
