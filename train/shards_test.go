package train

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
	"eomt/internal/backend/backendtest"
)

// slotBytesOn is what the slots of a state take on its device.
func slotBytesOn(s *State) (bytes int64) {
	for _, slot := range s.Slots {
		for _, t := range slot {
			if t != nil {
				bytes += int64(t.Shape().ByteSize())
			}
		}
	}
	return bytes
}

// saved is a state as its checkpoint is read again.
func saved(t *testing.T, a arch.Architecture, state *State) checkpoints.Snapshot {
	t.Helper()
	store := checkpoints.Store{Dir: t.TempDir()}
	if _, err := store.Save(state.snapshot(a, checkpoints.State{})); err != nil {
		t.Fatal(err)
	}
	loaded, err := checkpoints.Load(store.Dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { loaded.Close() })
	return loaded.Snapshot
}

// Devices that share out the optimiser's slots, moving averages with them, train as those
// that keep all, and save what these save; each keeps its part alone. A checkpoint goes on
// with other numbers of devices.
func TestSharedOutSlots(t *testing.T) {
	const steps = 4
	b := backendtest.Devices(t, 4)
	ema := func(c *StepConfig) { c.Optimizer.EMA = 0.99 }
	run := func(s *Step, state *State, to int) {
		batch := unevenBatch(s.config.Network.Architecture(), s.config.BatchSize)
		for state.Step < to {
			if _, err := s.Run(state, batch); err != nil {
				t.Fatal(err)
			}
		}
	}
	plain := seamStep(t, b, onFirst(2, ema))
	a := plain.config.Network.Architecture()
	kept := plain.start(t, dtypes.Float32)
	run(plain, kept, steps)
	want := saved(t, a, kept)
	run(plain, kept, steps+1)
	for _, n := range []int{2, 4} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := seamStep(t, b, onFirst(n, func(c *StepConfig) { ema(c); c.ShardOptimizer = true }))
			state := s.start(t, dtypes.Float32)
			run(s, state, steps)
			m, err := s.Memory(4/n, 16, false, dtypes.Float32)
			if err != nil || !m.Shares {
				t.Fatal(m, err)
			}
			whole := slotBytesOn(kept)
			for _, one := range state.Replicas() {
				if part := slotBytesOn(one); part != m.Slots || part < whole/int64(n) || part > whole/int64(n)*11/10 {
					t.Errorf("slots on device %d: %d bytes, planned %d, %d of all together", one.device, part, m.Slots, whole)
				}
			}
			t.Logf("slots on each of %d devices: %d bytes of %d", n, m.Slots, whole)
			got := saved(t, a, state)
			near(t, "parameters", got.Params, want.Params)
			for name := range want.Slots {
				near(t, name, got.Slots[name], want.Slots[name])
			}
			for _, one := range state.Replicas() {
				averaged, err := one.Averaged()
				if err != nil {
					t.Fatal(err)
				}
				index := tensor.ByName(got.Slots[checkpoints.AverageSlot])
				for i, p := range a.Parameters() {
					saved, err := index[p.Name].Float32s()
					if err != nil || !slices.Equal(saved, tensors.MustCopyFlatData[float32](averaged[i])) {
						t.Errorf("average %s on device %d is not what is saved (%v)", p.Name, one.device, err)
					}
				}
			}
			if n == 4 {
				return
			}
			// On two whole devices, from the checkpoint, and on four from the state itself.
			again, err := Restore(a, got)
			if err != nil {
				t.Fatal(err)
			}
			run(plain, again, steps+1)
			same(t, "gone on without", again, kept, 1e-6)
			four := seamStep(t, b, onFirst(4, func(c *StepConfig) { ema(c); c.ShardOptimizer = true }))
			run(four, state, steps+1)
			if err := state.unshard(); err != nil {
				t.Fatal(err)
			}
			same(t, "gone on with four", state, kept, 1e-6)
		})
	}
}

// near compares tensors of checkpoints. Sums are in another order: float32 leaves 1e-6.
func near(t *testing.T, what string, got, want []tensor.Tensor) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d tensors, want %d", what, len(got), len(want))
	}
	worst := float32(0)
	for i := range want {
		have, err := got[i].Float32s()
		if err != nil {
			t.Fatal(err)
		}
		wanted, err := want[i].Float32s()
		if err != nil {
			t.Fatal(err)
		}
		if got[i].Name != want[i].Name || !slices.Equal(got[i].Shape, want[i].Shape) {
			t.Fatalf("%s: %s %v, want %s %v", what, got[i].Name, got[i].Shape, want[i].Name, want[i].Shape)
		}
		for j := range wanted {
			worst = max(worst, have[j]-wanted[j], wanted[j]-have[j])
		}
	}
	if t.Logf("%s differ by %g", what, worst); !(worst <= 1e-6) {
		t.Errorf("%s differ by %g", what, worst)
	}
}

// What is cut along any axis is put together again.
func TestCutAndJoined(t *testing.T) {
	for _, c := range []struct {
		dims []int
		n    int
		axis int
	}{{[]int{4, 3}, 2, 0}, {[]int{3, 4, 5}, 2, 1}, {[]int{3, 5, 6}, 3, 0}, {[]int{7, 5, 6}, 3, 2}, {[]int{3, 5}, 2, -1}, {nil, 2, -1}} {
		if axis := cutAxis(c.dims, c.n); axis != c.axis {
			t.Errorf("%v in %d parts: axis %d, want %d", c.dims, c.n, axis, c.axis)
			continue
		}
		size := 1
		for _, d := range c.dims {
			size *= d
		}
		values := make([]float32, size)
		for i := range values {
			values[i] = float32(i)
		}
		parts, err := split(tensors.FromFlatDataAndDimensions(slices.Clone(values), c.dims...), c.axis, c.n)
		if err != nil || len(parts) != c.n {
			t.Fatal(parts, err)
		}
		one := &shards{axes: []int{c.axis}}
		for _, part := range parts {
			one.states = append(one.states, &State{Slots: map[string][]*tensors.Tensor{"first": {part}}})
		}
		whole, err := one.tensor("first", 0)
		if err != nil || !slices.Equal(whole.Shape().Dimensions, c.dims) || !slices.Equal(tensors.MustCopyFlatData[float32](whole), values) {
			t.Errorf("%v in %d parts: %v, %v", c.dims, c.n, whole, err)
		}
	}
}
