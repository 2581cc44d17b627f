package configs

import "math"

// Resolve fills in what follows from the data set (images of the training split,
// classes) and the architecture (L query blocks): steps and annealing spans.
// Values that the file states stay. anneal is the rule for the spans.
func (c Config) Resolve(images, classes, queryBlocks int, anneal func(total, queryBlocks int) (start, end []int)) Config {
	c.Data.Images, c.Data.Classes = images, classes
	t := &c.Train
	if t.TotalSteps == 0 {
		t.TotalSteps = int(math.Round(t.Epochs * float64(c.StepsPerEpoch())))
	}
	if !t.Annealing.Off && len(t.Annealing.Start) == 0 {
		t.Annealing.Start, t.Annealing.End = anneal(t.TotalSteps, queryBlocks)
		if first := t.Annealing.First; len(first) == 2 {
			t.Annealing.Start[0], t.Annealing.End[0] = first[0], first[1]
		}
	}
	return c
}

// StepsPerEpoch counts whole batches of the training split, at least one.
func (c Config) StepsPerEpoch() int { return max(1, c.Data.Images/c.Data.Batch) }
