package train

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// AdamW's constants (docs/eomt.md section 3; torch.optim.AdamW's defaults).
const (
	beta1       = 0.9
	beta2       = 0.999
	adamEpsilon = 1e-8
)

// Optimizer is AdamW with decoupled decay on all parameters and a clipped global
// gradient norm.
type Optimizer struct {
	WeightDecay float64
	ClipNorm    float64 // largest global L2 norm; 0 does not clip
}

// rates are the step's scalar inputs to the update.
type rates struct {
	backbone, head           *Node // base rate times the schedule's factor
	correction1, correction2 *Node // 1 - beta1^n and 1 - beta2^n at update n >= 1
}

// globalNorm is the L2 norm of all gradients together.
func globalNorm(gradients []*Node) *Node {
	var sum *Node
	for _, g := range gradients {
		s := ReduceAllSum(Square(g))
		if sum == nil {
			sum = s
		} else {
			sum = Add(sum, s)
		}
	}
	return Sqrt(sum)
}

// clip scales gradients so that their global norm is at most ClipNorm, as
// torch.nn.utils.clip_grad_norm_ does (1e-6 in the denominator included).
func (o Optimizer) clip(gradients []*Node, norm *Node) []*Node {
	if o.ClipNorm == 0 {
		return gradients
	}
	factor := MinScalar(Div(ConstAs(norm, o.ClipNorm), AddScalar(norm, 1e-6)), 1)
	clipped := make([]*Node, len(gradients))
	for i, g := range gradients {
		clipped[i] = Mul(g, factor)
	}
	return clipped
}

// update returns the next value and moments of one parameter p with gradient g
// and moments m, v, all of one shape.
func (o Optimizer) update(p, g, m, v *Node, group Group, r rates) (p1, m1, v1 *Node) {
	rate := r.head
	if group.Backbone {
		rate = r.backbone
	}
	rate = MulScalar(rate, group.Multiplier)
	m1 = Add(MulScalar(m, beta1), MulScalar(g, 1-beta1))
	v1 = Add(MulScalar(v, beta2), MulScalar(Square(g), 1-beta2))
	denominator := AddScalar(Div(Sqrt(v1), Sqrt(r.correction2)), adamEpsilon)
	p1 = Mul(p, OneMinus(MulScalar(rate, o.WeightDecay)))
	p1 = Sub(p1, Mul(Div(rate, r.correction1), Div(m1, denominator)))
	return p1, m1, v1
}
