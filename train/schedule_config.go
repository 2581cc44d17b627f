package train

import (
	"fmt"
	"math"
	"slices"
)

// ScheduleConfig configures the length of a run and its schedules, with its keys of
// the section train.
type ScheduleConfig struct {
	Epochs     float64 `yaml:"epochs,omitempty" doc:"Length of the run in passes over the training images; total_steps is the alternative." range:"[0, 1e9]" default:"epochs or total_steps must be stated"`
	TotalSteps int     `yaml:"total_steps,omitempty" doc:"Length of the run in steps." range:"[0, 1e12]" default:"from epochs"`
	Warmup     [2]int  `yaml:"warmup,flow" doc:"Steps over which the learning rate rises: of new parameters, then of the backbone." range:"[0, 1e12]"`
	Annealing  Spans   `yaml:"annealing,omitempty"`
}

// Spans are the steps at which each query block's mask annealing starts and ends.
type Spans struct {
	Off   bool  `yaml:"off,omitempty" doc:"Train without masked attention throughout." default:"false"`
	First []int `yaml:"first,omitempty,flow" doc:"Start and end of the first block's annealing where it leaves the published rule, in steps." range:"[0, 1e12]" default:"the published rule"`
	Start []int `yaml:"start,omitempty,flow" doc:"Step at which each query block's annealing starts, in place of the published rule." range:"[0, 1e12]" default:"the published rule"`
	End   []int `yaml:"end,omitempty,flow" doc:"Step at which each query block's annealing ends." range:"[0, 1e12]" default:"the published rule"`
}

// DefaultSchedule is the published recipe without a length.
func DefaultSchedule() ScheduleConfig { return ScheduleConfig{Warmup: [2]int{500, 1000}} }

// Steps is the length of the run in steps, given those of an epoch.
func (c ScheduleConfig) Steps(perEpoch int) int {
	if c.TotalSteps > 0 {
		return c.TotalSteps
	}
	return int(math.Round(c.Epochs * float64(perEpoch)))
}

// Schedule returns the schedule of a run of the given length, with spans from [Spans.Derive].
func (c ScheduleConfig) Schedule(steps int, spans Spans) Schedule {
	s := Schedule{Total: steps, WarmupHead: c.Warmup[0], WarmupBackbone: c.Warmup[1]}
	for k := range spans.Start {
		s.Annealing = append(s.Annealing, Anneal{Start: spans.Start[k], End: spans.End[k]})
	}
	return s
}

// Derive fills in the spans that are not stated by [AnnealingRule] for a run of the
// given length. It fails if stated spans do not fit the network.
func (s Spans) Derive(steps, queryBlocks int) (Spans, error) {
	d := s
	if !s.Off && len(s.Start) == 0 {
		d = Spans{}
		for _, span := range AnnealingRule(steps, queryBlocks) {
			d.Start, d.End = append(d.Start, span.Start), append(d.End, span.End)
		}
		if len(s.First) == 2 && queryBlocks > 0 {
			d.Start[0], d.End[0] = s.First[0], s.First[1]
		}
	}
	if n := len(d.Start); !d.Off && n != queryBlocks {
		return d, fmt.Errorf("%d spans for %d query blocks", n, queryBlocks)
	}
	return d, nil
}

// Validate reports spans that no network could use.
func (s Spans) Validate() error {
	switch {
	case len(s.First) != 0 && (len(s.First) != 2 || s.First[0] >= s.First[1]):
		return fmt.Errorf("first: %v must be a start and a later end", s.First)
	case len(s.Start) != len(s.End):
		return fmt.Errorf("%d starts but %d ends", len(s.Start), len(s.End))
	}
	for k := range s.Start {
		if s.Start[k] > s.End[k] {
			return fmt.Errorf("block %d starts at step %d and ends at step %d: the end must not be earlier", k, s.Start[k], s.End[k])
		}
	}
	return nil
}

// Equal reports whether both have the same starts and ends.
func (s Spans) Equal(other Spans) bool {
	return slices.Equal(s.Start, other.Start) && slices.Equal(s.End, other.End)
}
