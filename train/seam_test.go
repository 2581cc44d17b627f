package train

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/data"
	"eomt/internal/backend/backendtest"
)

// seamStep is a step whose schedules are all past their start.
func seamStep(t *testing.T, b compute.Backend, change func(*StepConfig)) *Step {
	t.Helper()
	c := small(5)
	c.BatchSize, c.Schedule = 4, Schedule{Total: 100, Annealing: []Anneal{{0, 100}}}
	if change != nil {
		change(&c)
	}
	s, err := NewStep(b, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Step) start(t *testing.T, dtype dtypes.DType) *State {
	t.Helper()
	state, err := NewState(s.config.Network.Architecture(), nil, 1, dtype)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// unevenBatch has another number of targets in every image.
func unevenBatch(a arch.Architecture, n int) *data.Batch {
	b := quickBatch(a, n, 16)
	for i := range b.Valid {
		b.Valid[i] = i%16 < 2+3*(i/16)
	}
	return b
}

// A step on a global batch that is shared out, with gradients summed at the seam, is
// the step on the whole batch, whatever the shares: same draws, same normalizers, one
// update.
func TestSharesMakeTheWholeStep(t *testing.T) {
	s := seamStep(t, backendtest.Go(t), nil)
	batch := unevenBatch(s.config.Network.Architecture(), 4)
	whole := s.start(t, dtypes.Float64)
	want, err := s.Run(whole, batch)
	if err != nil {
		t.Fatal(err)
	}
	for _, sizes := range [][]int{{4}, {2, 2}, {1, 3}} {
		state := s.start(t, dtypes.Float64)
		var by Normalizers
		first := 0
		for _, n := range sizes {
			by = by.Add(s.Normalizers(part(batch, first, n)))
			first += n
		}
		var sum *Gradients
		first = 0
		for _, n := range sizes {
			g, err := s.Gradients(state, Share{Batch: part(batch, first, n), First: first, By: by})
			if err != nil {
				t.Fatal(err)
			}
			if first += n; sum == nil {
				sum = g
			} else if err := s.Add(sum, g); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Update(state, sum)
		if err != nil {
			t.Fatal(err)
		}
		// Sums of the same terms in another order, in float64.
		near := func(what string, got, want float64) {
			if !(math.Abs(got-want) <= 1e-12*max(1, math.Abs(want))) {
				t.Errorf("shares of %v: %s is %v, want %v", sizes, what, got, want)
			}
		}
		near("loss", got.Total, want.Total)
		near("gradient norm", got.GradientNorm, want.GradientNorm)
		near("matched", got.Matched, want.Matched)
		for i := range want.Mask {
			near("mask loss", got.Mask[i], want.Mask[i])
			near("class loss", got.Class[i], want.Class[i])
		}
		if state.Step != 1 {
			t.Errorf("after step %d", state.Step)
		}
		for i, p := range s.config.Network.Architecture().Parameters() {
			have, wanted := tensors.MustCopyFlatData[float64](state.Params[i]), tensors.MustCopyFlatData[float64](whole.Params[i])
			for j := range wanted {
				// Adam divides a gradient by its own size: where one is near 0, rounding
				// can move a parameter by a part of its rate, 1e-3.
				if !(math.Abs(have[j]-wanted[j]) <= 1e-8) {
					t.Errorf("shares of %v: %s differs by %g", sizes, p.Name, have[j]-wanted[j])
					break
				}
			}
		}
	}
}

// The normalizers that the host counts are those that the step computes of a batch.
func TestNormalizers(t *testing.T) {
	s := seamStep(t, backendtest.Go(t), nil)
	batch := unevenBatch(s.config.Network.Architecture(), 4) // 2, 5, 8 and 11 targets for 8 queries
	if got, want := s.Normalizers(batch), (Normalizers{Matched: 23, ClassWeights: 23 + 0.1*9}); got.Matched != want.Matched || math.Abs(got.ClassWeights-want.ClassWeights) > 1e-12 {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Frozen parameters stay to the bit, have no slots in state and checkpoint, and a
// checkpoint without them is restored and trained on with everything free.
func TestFrozenParameters(t *testing.T) {
	a := smallArchitecture(5)
	freeze := func(c *StepConfig) {
		c.Groups = Groups(a, c.Optimizer)
		for i, p := range a.Parameters() {
			c.Groups[i].Frozen = p.Part != arch.PartHead
		}
	}
	s := seamStep(t, backendtest.Go(t), freeze)
	state, untouched := s.start(t, dtypes.Float32), s.start(t, dtypes.Float32)
	batch := unevenBatch(a, 4)
	for range 2 {
		if _, err := s.Run(state, batch); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range a.Parameters() {
		frozen := p.Part != arch.PartHead
		if same := state.Params[i].Equal(untouched.Params[i]); same != frozen && !strings.HasSuffix(p.Name, ".bias") {
			t.Errorf("%s: unchanged is %v, frozen is %v", p.Name, same, frozen)
		}
		for name, slot := range state.Slots {
			if (slot[i] == nil) != frozen {
				t.Errorf("%s: slot %s is %v, frozen is %v", p.Name, name, slot[i], frozen)
			}
		}
	}

	store := checkpoints.Store{Dir: t.TempDir()}
	if _, err := store.Save(state.snapshot(a, checkpoints.State{})); err != nil {
		t.Fatal(err)
	}
	loaded, err := checkpoints.Load(store.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	for _, v := range loaded.Slots["first"] {
		if strings.HasPrefix(v.Name, "backbone.") {
			t.Errorf("the checkpoint has a moment of %s", v.Name)
		}
	}
	again, err := Restore(a, loaded.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	free := seamStep(t, backendtest.Go(t), nil)
	if _, err := free.Run(again, batch); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(again.Slots["second"], nil) {
		t.Error("a parameter that is trained has no moment")
	}
}

func TestStepRefusesGroups(t *testing.T) {
	a := smallArchitecture(5)
	for name, test := range map[string]struct {
		change func(c *StepConfig)
		want   string
	}{
		"count":     {func(c *StepConfig) { c.Groups = make([]Group, 1) }, fmt.Sprintf("1 groups for %d parameters", len(a.Parameters()))},
		"schedule":  {func(c *StepConfig) { c.Groups = Groups(a, c.Optimizer); c.Groups[0].Schedule = "neck" }, `no schedule "neck"`},
		"frozen":    {func(c *StepConfig) { c.Groups = slices.Repeat([]Group{{Frozen: true}}, len(a.Parameters())) }, "parameters are frozen"},
		"optimizer": {func(c *StepConfig) { c.Optimizer.Beta2 = 1 }, "beta2 is 1"},
		"rate":      {func(c *StepConfig) { c.Optimizer.LearningRate = math.NaN() }, "lr is NaN"},
	} {
		c := small(5)
		test.change(&c)
		if _, err := NewStep(backendtest.Go(t), c); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q in it", name, err, test.want)
		}
	}
}

// A run compiles one program for each bucket of target counts, however its schedules
// and annealing phases change; with accumulation also one that sums gradients and one
// that updates.
func TestProgramsOfARun(t *testing.T) {
	for accumulate, want := range map[int]int{1: 2, 2: 4} {
		c := small(5)
		c.Accumulate = accumulate
		c.Schedule = Schedule{Total: 6, WarmupHead: 1, WarmupBackbone: 1, Annealing: []Anneal{{1, 4}}}
		s, err := NewStep(backendtest.Go(t), c)
		if err != nil {
			t.Fatal(err)
		}
		a := c.Network.Architecture()
		state := s.start(t, dtypes.Float32)
		for _, targets := range []int{8, 8, 16, 8, 16, 8} {
			if _, err := s.Run(state, quickBatch(a, c.BatchSize, targets)); err != nil {
				t.Fatal(err)
			}
		}
		if s.Programs() != want {
			t.Errorf("%d shares: %d programs for two buckets over all annealing phases, want %d", accumulate, s.Programs(), want)
		}
	}
}
