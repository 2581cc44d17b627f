package train

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/checkpoints"
)

// averaged is an optimiser that also keeps an exponential moving average of each
// trained parameter, as one slot more.
type averaged struct {
	Optimizer
	decay float64
}

// Slots are the optimiser's, then [checkpoints.AverageSlot].
func (o averaged) Slots() []string { return append(o.Optimizer.Slots(), checkpoints.AverageSlot) }

// Scalars are the optimiser's, then the weight of the new value.
func (o averaged) Scalars(n int) []float64 { return append(o.Optimizer.Scalars(n), 1-o.at(n)) }

// at is the decay of the n-th update. It starts low and rises to the configured one, so
// that initial values do not outlast a short run.
// Source: tf.train.ExponentialMovingAverage with num_updates.
func (o averaged) at(n int) float64 { return min(o.decay, float64(1+n)/float64(10+n)) }

// Update implements [Optimizer].
func (o averaged) Update(p, g *Node, slots []*Node, by Update) (*Node, []*Node) {
	last, scalar := len(slots)-1, len(by.Scalars)-1
	weight, average := by.Scalars[scalar], slots[last]
	by.Scalars = by.Scalars[:scalar]
	next, own := o.Optimizer.Update(p, g, slots[:last], by)
	return next, append(own, Add(average, Mul(weight, Sub(next, average))))
}

// Averaged are the tensors that validation and export read: Values with the moving
// average in place of each parameter that has one. Averages that devices share out are
// brought together on the host.
func (s *State) Averaged() ([]*tensors.Tensor, error) {
	values := s.Values()
	for i, average := range s.Slots[checkpoints.AverageSlot] {
		if average == nil {
			continue
		}
		if values[i] = average; s.shards != nil {
			var err error
			if values[i], err = s.shards.tensor(checkpoints.AverageSlot, i); err != nil {
				return nil, err
			}
		}
	}
	return values, nil
}
