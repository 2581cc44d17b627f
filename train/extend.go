package train

import (
	"fmt"
	"slices"
)

// Continued tells, line by line, what a resumed run of another length does to its
// schedules: before is the schedule until now, s from step on. No line: the same length.
func (s Schedule) Continued(before Schedule, step int) []string {
	if s.Total == before.Total {
		return nil
	}
	lines := []string{
		fmt.Sprintf("the run is of %d steps instead of %d, %d of them done", s.Total, before.Total, step),
		fmt.Sprintf("learning rates continue at %.3g of their peak for new parameters and %.3g for the backbone (before: %.3g and %.3g), and reach 0 at step %d",
			s.HeadRate(step), s.BackboneRate(step), before.HeadRate(step), before.BackboneRate(step), s.Total),
	}
	if slices.Equal(s.Annealing, before.Annealing) {
		return lines
	}
	return append(lines, fmt.Sprintf("mask annealing of the query blocks ends at steps %v instead of %v, so that masks are kept with probabilities %.3g (before: %.3g); train.annealing.start and train.annealing.end keep the former spans",
		s.annealingEnds(), before.annealingEnds(), s.MaskProbs(step), before.MaskProbs(step)))
}

func (s Schedule) annealingEnds() []int {
	var ends []int
	for _, span := range s.Annealing {
		ends = append(ends, span.End)
	}
	return ends
}
