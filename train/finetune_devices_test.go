package train

import (
	"math"
	"sync"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"eomt/internal/backend/backendtest"
)

// tuned is fine-tuning with every choice at once: frozen parts, other rates, low-rank
// factors and averages.
func tuned(t *testing.T, change func(*StepConfig)) func(*StepConfig) {
	return func(c *StepConfig) {
		tiny(c)
		a, err := LoRAConfig{Rank: 2}.Adapt(c.Network.Architecture())
		if err != nil {
			t.Fatal(err)
		}
		c.Network = network(a)
		c.FineTune = FineTuneConfig{Freeze: []string{"mask_head"}, Multipliers: map[string]float64{"class_head": 5, "backbone": 0.5}}
		c.Optimizer.EMA = 0.99
		if change != nil {
			change(c)
		}
	}
}

// Fine-tuning on two devices, in shares and with slots shared out, and on two hosts of two
// devices each, is that of one device. Tolerances as in TestDevicesMakeTheSameSteps.
func TestDevicesFineTuneAlike(t *testing.T) {
	b := backendtest.Devices(t, 4)
	onTwo := []compute.DeviceNum{0, 1}
	two := func(c *StepConfig) { c.Devices, c.ShardOptimizer = onTwo, true }
	one := seamStep(t, b, tuned(t, nil))
	want := one.start(t, dtypes.Float32)
	wantLosses := one.trained20(t, want)
	check := func(t *testing.T, what string, state *State, losses []Losses) {
		t.Helper()
		for i, l := range losses {
			if w := wantLosses[i]; !(math.Abs(l.Total-w.Total) <= 1e-6*w.Total) {
				t.Errorf("%s, step %d: loss %v, on one device %v", what, i, l.Total, w.Total)
			}
		}
		if err := state.unshard(); err != nil {
			t.Fatal(err)
		}
		same(t, what, state, want, 1e-5)
	}
	t.Run("2 devices, 2 shares, slots in two", func(t *testing.T) {
		s := seamStep(t, b, tuned(t, func(c *StepConfig) { two(c); c.Accumulate = 2 }))
		state := s.start(t, dtypes.Float32)
		check(t, "two devices", state, s.trained20(t, state))
	})
	t.Run("2 hosts of 2 devices, slots in two", func(t *testing.T) {
		states, losses := make([]*State, 2), make([][]Losses, 2)
		var group sync.WaitGroup
		for i, host := range newThreads(2) {
			s := seamStep(t, b, tuned(t, func(c *StepConfig) { two(c); c.Hosts = host }))
			states[i] = s.start(t, dtypes.Float32)
			mine := part(unevenBatch(s.config.Network.Architecture(), s.config.BatchSize), 2*i, 2)
			group.Go(func() {
				for states[i].Step < 20 {
					l, err := s.Run(states[i], mine)
					if err != nil {
						t.Error(err)
						return
					}
					losses[i] = append(losses[i], l)
				}
			})
		}
		group.Wait()
		for i := range states {
			check(t, "a host", states[i], losses[i])
		}
	})
}
