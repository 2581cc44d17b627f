package train

import (
	"fmt"

	"eomt/data"
)

// accumulate does the step on a batch, or on this process's part of it, in equal
// shares, one after the other, so that only one share's activations are in memory at a
// time.
func (s *Step) accumulate(state *State, batch *data.Batch) (Losses, error) {
	shares := max(s.config.Accumulate, 1)
	n := batch.B / shares
	if n*shares != batch.B {
		return Losses{}, fmt.Errorf("train: step %d: a batch of %d images cannot be split into %d equal shares", state.Step, batch.B, shares)
	}
	whole, err := s.together(batch)
	if err != nil {
		return Losses{}, err
	}
	batch = whole.Batch
	var sum *Gradients
	for first := 0; first < batch.B; first += n {
		g, err := s.Gradients(state, Share{Batch: part(batch, first, n), First: whole.First + first, By: whole.By})
		if err != nil {
			return Losses{}, err
		}
		if sum == nil {
			sum = g
		} else if err := s.Add(sum, g); err != nil {
			return Losses{}, err
		}
	}
	return s.Update(state, sum)
}

// part is images first to first+n of a batch, padded as the batch is.
func part(b *data.Batch, first, n int) *data.Batch {
	p := *b
	p.B = n
	p.Names = ofImages(b.Names, b.B, first, n)
	p.Images = ofImages(b.Images, b.B, first, n)
	p.Masks = ofImages(b.Masks, b.B, first, n)
	p.Classes = ofImages(b.Classes, b.B, first, n)
	p.Valid = ofImages(b.Valid, b.B, first, n)
	return &p
}

// ofImages is what values of all images hold of images first to first+n.
func ofImages[T any](values []T, all, first, n int) []T {
	each := len(values) / all
	return values[first*each : (first+n)*each]
}
