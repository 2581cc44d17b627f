package train

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// OptimizerConfig configures the optimiser, with its keys of the section train.
// [Groups] derives per-parameter settings from it.
type OptimizerConfig struct {
	LearningRate        float64 `yaml:"lr" doc:"Peak learning rate of new parameters; the backbone's follows from it by layer_decay." range:"(0, inf)"`
	WeightDecay         float64 `yaml:"weight_decay" doc:"Decoupled weight decay of AdamW, on all parameters." range:"[0, inf)"`
	LayerDecay          float64 `yaml:"layer_decay" doc:"Factor on the learning rate per block towards the input; 1 is none." range:"(0, inf)"`
	QueryBlocksFullRate bool    `yaml:"query_blocks_full_rate" doc:"Train the blocks that process queries at the full rate, without layer_decay."`
	ClipNorm            float64 `yaml:"clip_norm" doc:"Largest global norm of the gradient; 0 does not clip." range:"[0, inf)"`
	Beta1               float64 `yaml:"beta1" doc:"AdamW's decay of the first moment per step." range:"[0, 1)"`
	Beta2               float64 `yaml:"beta2" doc:"AdamW's decay of the second moment per step." range:"[0, 1)"`
	Epsilon             float64 `yaml:"epsilon" doc:"AdamW's addend to the root of the second moment." range:"(0, inf)"`
	EMA                 float64 `yaml:"ema" doc:"Decay per step of the parameters' moving average, such as 0.9998, which validation and export then take; it starts lower and rises in the first steps. 0 keeps none." range:"[0, 1)"`
}

// DefaultOptimizer is the published recipe, with torch.optim.AdamW's constants.
func DefaultOptimizer() OptimizerConfig {
	return OptimizerConfig{LearningRate: 1e-4, WeightDecay: 0.05, LayerDecay: 0.8, ClipNorm: 0.01,
		Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
}

// Validate reports the first value out of range.
func (c OptimizerConfig) Validate() error {
	for _, v := range []struct {
		key   string
		value float64
		ok    bool
	}{
		{"lr", c.LearningRate, c.LearningRate > 0},
		{"weight_decay", c.WeightDecay, c.WeightDecay >= 0},
		{"layer_decay", c.LayerDecay, c.LayerDecay > 0},
		{"clip_norm", c.ClipNorm, c.ClipNorm >= 0},
		{"beta1", c.Beta1, c.Beta1 >= 0 && c.Beta1 < 1},
		{"beta2", c.Beta2, c.Beta2 >= 0 && c.Beta2 < 1},
		{"epsilon", c.Epsilon, c.Epsilon > 0},
		{"ema", c.EMA, c.EMA >= 0 && c.EMA < 1},
	} {
		if !v.ok || math.IsInf(v.value, 0) {
			return fmt.Errorf("train: optimizer: %s is %g, which is out of range", v.key, v.value)
		}
	}
	return nil
}

// Optimizer is a rule that turns a gradient into an update. To add one, add a type
// next to AdamW and a case in [NewStep]: state, checkpoints and groups handle its
// slots by name.
type Optimizer interface {
	// Slots names the values kept per parameter, of its shape, in the order in which
	// Update takes them. They start at zero, [checkpoints.AverageSlot] at the
	// parameter's value.
	Slots() []string
	// Scalars are the inputs of the n-th update, n >= 1, computed on the host.
	Scalars(n int) []float64
	// Update returns the next value of one parameter and of its slots. All are of the
	// parameter's shape; rate and scalars are scalars of its dtype.
	Update(parameter, gradient *Node, slots []*Node, by Update) (*Node, []*Node)
}

// Update holds the inputs of an update besides the gradient.
type Update struct {
	Rate        *Node // learning rate of the parameter
	WeightDecay float64
	Scalars     []*Node
}

// AdamW is Adam with decoupled weight decay. Source: torch.optim.AdamW.
type AdamW struct{ Beta1, Beta2, Epsilon float64 }

// Slots are the first and second moment.
func (AdamW) Slots() []string { return []string{"first", "second"} }

// Scalars are the two bias corrections.
func (o AdamW) Scalars(n int) []float64 {
	return []float64{1 - math.Pow(o.Beta1, float64(n)), 1 - math.Pow(o.Beta2, float64(n))}
}

// Update implements [Optimizer].
func (o AdamW) Update(p, g *Node, slots []*Node, by Update) (*Node, []*Node) {
	first := Add(MulScalar(slots[0], o.Beta1), MulScalar(g, 1-o.Beta1))
	second := Add(MulScalar(slots[1], o.Beta2), MulScalar(Square(g), 1-o.Beta2))
	denominator := AddScalar(Div(Sqrt(second), Sqrt(by.Scalars[1])), o.Epsilon)
	next := Mul(p, OneMinus(MulScalar(by.Rate, by.WeightDecay)))
	next = Sub(next, Mul(Div(by.Rate, by.Scalars[0]), Div(first, denominator)))
	return next, []*Node{first, second}
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

// clip scales gradients so that their global norm is at most largest, as
// torch.nn.utils.clip_grad_norm_ does (1e-6 in the denominator included); 0 does not
// clip.
func clip(gradients []*Node, norm *Node, largest float64) []*Node {
	if largest == 0 {
		return gradients
	}
	factor := MinScalar(Div(ConstAs(norm, largest), AddScalar(norm, 1e-6)), 1)
	clipped := make([]*Node, len(gradients))
	for i, g := range gradients {
		clipped[i] = Mul(g, factor)
	}
	return clipped
}
