package train

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// The input of the update after parameters, slots and gradients is one vector: the
// rate of each schedule, then the optimiser's scalars.
func (s *Step) updateScalars(step int) []float64 {
	return append(s.rates(step), s.optimizer.Scalars(step+1)...)
}

// rates are the learning rates at a step, one per schedule in the order of schedules.
func (s *Step) rates(step int) []float64 {
	base := s.config.Optimizer.LearningRate
	return []float64{base * s.config.Schedule.BackboneRate(step), base * s.config.Schedule.HeadRate(step)}
}

// update clips the summed gradients by their global norm and applies them. params,
// gradients and each of slots are in the order of Step.trained. It returns the next
// values and the norm before clipping.
func (s *Step) update(params []*Node, slots [][]*Node, gradients []*Node, scalars *Node) (next []*Node, nextSlots [][]*Node, norm *Node) {
	norm = globalNorm(gradients)
	gradients = clip(gradients, norm, s.config.Optimizer.ClipNorm)
	all := make([]*Node, scalars.Shape().Dim(0))
	for i := range all {
		all[i] = Reshape(SliceAxis(scalars, 0, AxisElem(i)))
	}
	rates, by := all[:len(schedules)], all[len(schedules):]
	next, nextSlots = make([]*Node, len(params)), make([][]*Node, len(slots))
	for k, i := range s.trained {
		group := s.groups[i]
		rate := MulScalar(rates[slices.Index(schedules, group.Schedule)], group.Multiplier)
		own := make([]*Node, len(slots))
		for j := range slots {
			own[j] = slots[j][k]
		}
		next[k], own = s.optimizer.Update(params[k], gradients[k], own, Update{Rate: rate, WeightDecay: group.WeightDecay, Scalars: by})
		for j := range slots {
			nextSlots[j] = append(nextSlots[j], own[j])
		}
	}
	return next, nextSlots, norm
}
