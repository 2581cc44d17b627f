package train

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/compute/dtypes"

	"eomt/data"
	"eomt/internal/backend/backendtest"
)

// threads are processes of a run in one: they exchange through memory.
type threads struct {
	size   int
	mu     sync.Mutex
	all    *sync.Cond
	given  [][]byte
	sums   [][]float32
	came   int
	rounds int
}

type thread struct {
	*threads
	rank   int
	buffer []float32
}

func newThreads(n int) []*thread {
	all := &threads{size: n, given: make([][]byte, n), sums: make([][]float32, n)}
	all.all = sync.NewCond(&all.mu)
	list := make([]*thread, n)
	for i := range list {
		list[i] = &thread{threads: all, rank: i}
	}
	return list
}

// meet waits until all have put down what they give, and lets each take.
func (t *thread) meet(put, take func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for range 2 { // nobody puts down again before all have taken
		round := t.rounds
		put()
		if t.came++; t.came == t.size {
			t.came = 0
			t.rounds++
			t.all.Broadcast()
		}
		for round == t.rounds {
			t.all.Wait()
		}
		take()
		put, take = func() {}, func() {}
	}
}

func (t *thread) Rank() int { return t.rank }
func (t *thread) Size() int { return t.size }

func (t *thread) Buffer(n int) []float32 {
	t.buffer = make([]float32, n)
	return t.buffer
}

func (t *thread) Sum(buffer []float32) error {
	sum := make([]float32, len(buffer))
	t.meet(func() { t.sums[t.rank] = buffer }, func() {
		for _, other := range t.sums {
			for i := range sum {
				sum[i] += other[i]
			}
		}
	})
	copy(buffer, sum)
	return nil
}

func (t *thread) Gather(mine []byte) (all [][]byte, err error) {
	t.meet(func() { t.given[t.rank] = mine }, func() { all = append(all, t.given...) })
	return all, nil
}

// Twenty steps on two hosts of two devices each are those of one device on the whole
// batch; the hosts' batches have other target counts.
func TestHostsMakeTheSameSteps(t *testing.T) {
	b := backendtest.Devices(t, 4)
	one := seamStep(t, b, tiny)
	want := one.start(t, dtypes.Float32)
	wantLosses := one.trained20(t, want)
	var group sync.WaitGroup
	for _, host := range newThreads(2) {
		s := seamStep(t, b, onFirst(2, func(c *StepConfig) { c.Hosts = host }))
		state := s.start(t, dtypes.Float32)
		whole := unevenBatch(s.config.Network.Architecture(), s.config.BatchSize)
		mine := part(whole, 2*host.rank, 2)
		if host.rank == 0 {
			mine = narrowed(mine, 8)
		}
		group.Go(func() {
			for state.Step < 20 {
				l, err := s.Run(state, mine)
				if err != nil {
					t.Error(err)
					return
				}
				if w := wantLosses[state.Step-1]; !(math.Abs(l.Total-w.Total) <= 1e-6*w.Total) || l.Matched != w.Matched {
					t.Errorf("step %d: loss %v of %v targets, alone %v of %v", state.Step, l.Total, l.Matched, w.Total, w.Matched)
				}
			}
			for d := range s.devices {
				same(t, "host", state.on(d), want, 1e-5)
			}
		})
	}
	group.Wait()
}

// narrowed is a batch without the last targets, none of which is valid.
func narrowed(b *data.Batch, targets int) *data.Batch {
	n := *b
	n.M = targets
	n.Classes, n.Valid = nil, nil
	for i := range b.B {
		n.Classes = append(n.Classes, b.Classes[i*b.M:i*b.M+targets]...)
		n.Valid = append(n.Valid, b.Valid[i*b.M:i*b.M+targets]...)
	}
	return &n
}

func TestPaddedBatch(t *testing.T) {
	b := unevenBatch(smallArchitecture(5), 2) // of 16 targets
	p := padded(b, 64)
	if p.M != 64 || len(p.Valid) != 128 || len(p.Masks) != 2*len(b.Masks) || padded(b, 16) != b {
		t.Fatalf("%d targets, %d valid, %d words", p.M, len(p.Valid), len(p.Masks))
	}
	for i := range 2 {
		for m := range 64 {
			want := m < 16 && b.Valid[i*16+min(m, 15)]
			if p.Valid[i*64+m] != want {
				t.Errorf("image %d, target %d: valid %v", i, m, p.Valid[i*64+m])
			}
		}
	}
	for i, word := range b.Masks {
		if p.Masks[2*i] != word || p.Masks[2*i+1] != 0 {
			t.Fatalf("word %d", i)
		}
	}
}

// All processes learn before a step that one is to stop, or cannot go on, and why.
func TestAgreed(t *testing.T) {
	hosts := newThreads(3)
	ask := func(stop []bool, failures []error) (stops []bool, errs []error) {
		stops, errs = make([]bool, 3), make([]error, 3)
		var group sync.WaitGroup
		for i, h := range hosts {
			s := &Step{config: StepConfig{Hosts: h}}
			group.Go(func() { stops[i], errs[i] = s.agreed(stop[i], failures[i]) })
		}
		group.Wait()
		return stops, errs
	}
	stops, errs := ask([]bool{false, true, false}, make([]error, 3))
	if !stops[0] || !stops[1] || !stops[2] || errors.Join(errs...) != nil {
		t.Errorf("a stop: %v, %v", stops, errs)
	}
	stops, errs = ask(make([]bool, 3), make([]error, 3))
	if stops[0] || stops[1] || stops[2] || errors.Join(errs...) != nil {
		t.Errorf("nothing: %v, %v", stops, errs)
	}
	broken := errors.New("batch of step 7: third.jpg: truncated")
	stops, errs = ask(make([]bool, 3), []error{nil, nil, broken})
	if stops[0] || !errors.Is(errs[0], ErrElsewhere) || errs[2] != broken ||
		!strings.HasPrefix(errs[0].Error(), "rank 2: batch of step 7: third.jpg: truncated") {
		t.Errorf("a failure: %v, %v", stops, errs)
	}
	stops, errs = ask([]bool{true, true, true}, []error{context.Canceled, nil, context.Canceled})
	if !stops[0] || errors.Join(errs...) != nil {
		t.Errorf("a stop of all: %v, %v", stops, errs)
	}
}
