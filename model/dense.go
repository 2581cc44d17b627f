package model

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
)

// net holds what every graph function of the forward pass needs.
type net struct {
	arch.Architecture
	params Params
	// dtype is that of activations: tokens, maps and what products take and return.
	dtype         dtypes.DType
	rematerialise Remat
	// later is set by the backward pass: the gradient of the feature map of the
	// prediction that was differentiated last, see inTurn.
	later *Node
	// running collects the next values of the architecture's Buffers in training; nil
	// otherwise.
	running map[string]*Node
}

// newNet is what the forward pass on pixels [B, H, W, 3] needs.
func newNet(a arch.Architecture, params Params, pixelsBHW3 *Node, opts Options) *net {
	pixelsBHW3.AssertDims(-1, a.ImageH(), a.ImageW(), 3)
	n := &net{Architecture: a, params: params, dtype: opts.Precision, rematerialise: opts.Remat}
	if n.dtype == dtypes.InvalidDType {
		n.dtype = pixelsBHW3.DType()
	}
	return n
}

// linear is torch's Linear: x [..., in] -> [..., out], with the map's low-rank factors.
func (n *net) linear(name string, x *Node) *Node {
	y := n.adapted(name, x, n.dot(x, n.params.at(name+".weight")))
	return n.addBias(y, n.params.at(name+".bias"))
}

// logits is linear with a result that is float32 at least.
func (n *net) logits(name string, x *Node) *Node {
	w := n.params.at(name + ".weight")
	return n.addBias(n.wideProduct(x, []int{x.Rank() - 1}, nil, w, []int{1}, nil), n.params.at(name+".bias"))
}

// addBias adds b [D] to x [..., D].
func (n *net) addBias(x, b *Node) *Node {
	y := Add(x, alongLastAxis(ConvertDType(b, x.DType()), x))
	return withGradient(y, []*Node{x, b}, func(dy *Node) []*Node {
		return []*Node{dy, columnSums(dy)}
	})
}

// scale multiplies x [..., D] by gamma [D].
func (n *net) scale(x, gamma *Node) *Node {
	along := alongLastAxis(ConvertDType(gamma, x.DType()), x)
	return withGradient(Mul(x, along), []*Node{x, gamma}, func(dy *Node) []*Node {
		return []*Node{Mul(dy, along), columnSums(Mul(widened(dy), widened(x)))}
	})
}

// columnSums sums x [..., D] over all axes but the last, in float32 at least, as a matrix
// product with rows of ones. XLA's CPU compiler fuses a plain sum with its input and then walks
// the rows once per column; it keeps a matrix product with a few rows, of which one
// is used (docs/performance.md).
func columnSums(x *Node) *Node {
	const fewRows = 4
	d := x.Shape().Dimensions[x.Rank()-1]
	rows := x.Shape().Size() / d
	ones := operand{Ones(x.Graph(), shapes.Make(x.DType(), fewRows, rows)), []int{1}, nil}
	sums := ones.times(operand{Reshape(x, rows, d), []int{0}, nil}, wide(x.DType()))
	return Reshape(SliceAxis(sums, 0, AxisElem(0)), d)
}

// alongLastAxis broadcasts v [D] over x [..., D].
func alongLastAxis(v, x *Node) *Node {
	return BroadcastLike(v, x, x.Rank()-1)
}

// norm is the backbone's LayerNorm of that name.
func (n *net) norm(name string, x *Node) *Node {
	return layerNorm(x, n.params.at(name+".weight"), n.params.at(name+".bias"), n.NormEps)
}

// layerNorm normalises the last axis of x [..., D] with biased variance, then scales
// and shifts. The backward pass keeps x, and mean and deviation of each row.
func layerNorm(x, weight, bias *Node, epsilon float64) *Node {
	input, dtype := x, x.DType()
	x = widened(StopGradient(x))
	mean, deviation := moments(x, epsilon)
	y := Div(Sub(x, mean), deviation)
	y = Add(Mul(y, alongLastAxis(weight, y)), alongLastAxis(bias, y))
	return withGradient(ConvertDType(y, dtype), []*Node{input, weight, bias}, func(dy *Node) []*Node {
		normal := Div(Sub(widened(after(dy, StopGradient(input))), mean), deviation)
		dx, dWeight, dBias := normGradient(widened(dy), normal, deviation, weight)
		return []*Node{ConvertDType(dx, dtype), dWeight, dBias}
	})
}

// moments are the mean of each row of x [..., D] and its deviation, the root of the
// biased variance plus epsilon, [..., 1].
func moments(x *Node, epsilon float64) (mean, deviation *Node) {
	mean = ReduceAndKeep(x, ReduceMean, -1)
	// A root, by which to divide: GoMLX has no gradient of Rsqrt.
	return mean, Sqrt(AddScalar(ReduceAndKeep(Square(Sub(x, mean)), ReduceMean, -1), epsilon))
}

// normGradient are the gradients of a LayerNorm's input, weight and bias, given that of
// its result and the normalised input.
func normGradient(dy, normal, deviation, weight *Node) (dx, dWeight, dBias *Node) {
	dNormal := Mul(dy, alongLastAxis(weight, dy))
	rowMean := func(v *Node) *Node { return ReduceAndKeep(v, ReduceMean, -1) }
	dx = Div(Sub(Sub(dNormal, rowMean(dNormal)), Mul(normal, rowMean(Mul(dNormal, normal)))), deviation)
	return dx, columnSums(Mul(dy, normal)), columnSums(dy)
}

// gelu is the exact form, x * Phi(x). The backward pass keeps only x.
func gelu(x *Node) *Node {
	dtype, y := x.DType(), widened(x)
	y = ConvertDType(Mul(y, phi(y)), dtype)
	return withGradient(y, []*Node{x}, func(dy *Node) []*Node {
		slope := geluSlope(widened(after(dy, x)))
		return []*Node{ConvertDType(Mul(widened(dy), slope), dtype)}
	})
}

// geluSlope is the derivative of gelu.
func geluSlope(x *Node) *Node {
	density := MulScalar(Exp(MulScalar(Square(x), -0.5)), invSqrt2Pi)
	return Add(phi(x), Mul(x, density))
}

// phi is the normal distribution's cumulative function.
func phi(x *Node) *Node { return MulScalar(OnePlus(Erf(MulScalar(x, invSqrt2))), 0.5) }

const (
	invSqrt2   = 0.70710678118654752440
	invSqrt2Pi = 0.39894228040143267794
)

// sliceTokens slices x [B, S, ...] to S from start (inclusive) to end (exclusive).
func sliceTokens(x *Node, start, end int) *Node {
	return SliceAxis(x, 1, AxisRange(start, end))
}

// padHW pads x [B, h, w, D] by one zero on each side of h and w.
func padHW(x *Node) *Node {
	one := compute.PadAxis{Start: 1, End: 1}
	return Pad(x, ScalarZero(x.Graph(), x.DType()), compute.PadAxis{}, one, one, compute.PadAxis{})
}
