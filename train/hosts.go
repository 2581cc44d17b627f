package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	"eomt/data"
)

// Hosts are the processes of a run, each with its own devices and an equal part of
// every batch: the parts of the ranks in order are the global batch. All must call
// the same methods in the same order, and each call waits for all.
type Hosts interface {
	Rank() int // of this process, from 0
	Size() int
	// Buffer is memory for Sum.
	Buffer(n int) []float32
	// Sum replaces the values of Buffer by their sums over all processes, which are the
	// same to the bit on each.
	Sum(buffer []float32) error
	// Gather returns what each process gives, by rank.
	Gather(mine []byte) ([][]byte, error)
}

// gather exchanges a value of each process.
func gather[T any](h Hosts, mine T) ([]T, error) {
	raw, err := json.Marshal(mine)
	if err != nil {
		return nil, fmt.Errorf("train: hosts: %w", err)
	}
	texts, err := h.Gather(raw)
	if err != nil {
		return nil, fmt.Errorf("train: hosts: %w", err)
	}
	all := make([]T, len(texts))
	for i, text := range texts {
		if err := json.Unmarshal(text, &all[i]); err != nil {
			return nil, fmt.Errorf("train: hosts: what rank %d sent: %w", i, err)
		}
	}
	return all, nil
}

// hosts is the number of processes.
func (s *Step) hosts() int {
	if s.config.Hosts == nil {
		return 1
	}
	return s.config.Hosts.Size()
}

// local is the number of images of a batch that this process has.
func (s *Step) local() int { return s.config.BatchSize / s.hosts() }

// together is this process's part of a global batch as a share: padded to the largest
// target count of all parts, so that all processes run the same program.
func (s *Step) together(b *data.Batch) (Share, error) {
	share := Share{Batch: b, By: s.Normalizers(b)}
	if s.config.Hosts == nil {
		return share, nil
	}
	type part struct {
		Targets int
		By      Normalizers
	}
	parts, err := gather(s.config.Hosts, part{b.M, share.By})
	if err != nil {
		return share, err
	}
	share.First, share.By = s.config.Hosts.Rank()*b.B, Normalizers{}
	targets := 0
	for _, p := range parts {
		share.By = share.By.Add(p.By)
		targets = max(targets, p.Targets)
	}
	share.Batch = padded(b, targets)
	return share, nil
}

// padded is a batch with room for more targets.
func padded(b *data.Batch, targets int) *data.Batch {
	if b.M == targets {
		return b
	}
	p := *b
	p.M = targets
	p.Classes = widened(b.Classes, b.M, targets)
	p.Valid = widened(b.Valid, b.M, targets)
	words := len(b.Masks) / (b.B * b.H * b.W)
	p.Masks = widened(b.Masks, words, data.NewPlanes(1, 1, targets).Words)
	return &p
}

// widened has rows of a greater length, filled up with zeros.
func widened[T any](values []T, from, to int) []T {
	if from == to {
		return values
	}
	wide := make([]T, len(values)/from*to)
	for i := range len(values) / from {
		copy(wide[i*to:], values[i*from:(i+1)*from])
	}
	return wide
}

// sumLosses adds up the processes' losses, so that all find them finite or not.
func (s *Step) sumLosses(g *Gradients) error {
	if s.config.Hosts == nil {
		return nil
	}
	var bits []uint64 // JSON has no NaN
	for _, v := range g.Losses.values() {
		bits = append(bits, math.Float64bits(v))
	}
	all, err := gather(s.config.Hosts, bits)
	if err != nil {
		return err
	}
	for rank, bits := range all {
		values := make([]float64, len(bits))
		for i, b := range bits {
			values[i] = math.Float64frombits(b)
		}
		if one := unpack(values); rank == 0 {
			g.Losses = one
		} else {
			g.Losses.add(one)
		}
	}
	return nil
}

// sumHosts adds up the processes' gradients, and averages their running values: one
// flat vector through the memory of the host.
func (s *Step) sumHosts(state *State, g *Gradients) error {
	h := s.config.Hosts
	if h == nil {
		return nil
	}
	trained := len(s.trained)
	sums, err := s.sumThrough(h, slices.Concat(g.Trained[0], state.Buffers))
	if err != nil {
		return fmt.Errorf("train: sum of the hosts' gradients: %w", err)
	}
	for d := range s.devices {
		for _, list := range [][]*tensors.Tensor{g.Trained[d], state.on(d).Buffers} {
			for _, t := range list {
				if err := t.FinalizeAll(); err != nil {
					return fmt.Errorf("train: sum of the hosts' gradients: %w", err)
				}
			}
		}
		g.Trained[d], state.on(d).Buffers = nil, nil
		for i, sum := range sums {
			one := tensors.FromFlatDataAndDimensions(sum.values, sum.dims...)
			if i < trained {
				g.Trained[d] = append(g.Trained[d], one)
			} else {
				state.on(d).Buffers = append(state.on(d).Buffers, one)
			}
		}
	}
	return nil
}

// flat is a tensor's values and dimensions.
type flat struct {
	values []float32
	dims   []int
}

// sumThrough sums tensors over all processes; those after the trained parameters'
// gradients are averaged. The values are valid until the next sum.
func (s *Step) sumThrough(h Hosts, list []*tensors.Tensor) ([]flat, error) {
	size := 0
	for _, t := range list {
		size += t.Shape().Size()
	}
	buffer := h.Buffer(size)
	var sums []flat
	at := 0
	for _, t := range list {
		values := buffer[at : at+t.Shape().Size()]
		if err := tensors.ConstFlatData(t, func(from []float32) { copy(values, from) }); err != nil {
			return nil, err
		}
		sums = append(sums, flat{values, t.Shape().Dimensions})
		at += len(values)
	}
	if err := h.Sum(buffer); err != nil {
		return nil, err
	}
	for _, sum := range sums[len(s.trained):] {
		for i := range sum.values {
			sum.values[i] /= float32(h.Size())
		}
	}
	return sums, nil
}

// word is what a process tells the others before each step.
type word struct {
	Stop  bool   // it was asked to stop
	Error string // why it cannot continue
}

// ErrElsewhere marks an error of another process of the run.
var ErrElsewhere = errors.New("another process of the run failed")

// agreed tells the other processes whether this one continues, and returns what all do:
// they stop where one was asked to, and fail where one fails, before the same step.
func (s *Step) agreed(stop bool, failure error) (bool, error) {
	if s.config.Hosts == nil {
		return stop, failure
	}
	mine := word{Stop: stop}
	if failure != nil && !stop {
		mine.Error = failure.Error()
	}
	words, err := gather(s.config.Hosts, mine)
	if err != nil {
		return false, err
	}
	stops := false
	for rank, w := range words {
		if w.Error != "" && rank != s.config.Hosts.Rank() {
			err = errors.Join(err, fmt.Errorf("rank %d: %s: %w", rank, w.Error, ErrElsewhere))
		}
		stops = stops || w.Stop
	}
	if mine.Error != "" {
		return false, failure
	}
	return stops && err == nil, err
}

// writes says whether this process writes the run's checkpoints.
func (s *Step) writes() bool { return s.config.Hosts == nil || s.config.Hosts.Rank() == 0 }
