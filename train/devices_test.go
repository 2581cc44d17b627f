package train

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/internal/backend/backendtest"
)

// onFirst is a step on the first n devices.
func onFirst(n int, change func(*StepConfig)) func(*StepConfig) {
	return func(c *StepConfig) {
		tiny(c)
		for d := range n {
			c.Devices = append(c.Devices, compute.DeviceNum(d))
		}
		if change != nil {
			change(c)
		}
	}
}

// tiny is a network that compiles in moments.
func tiny(c *StepConfig) {
	a := smallArchitecture(5)
	a.Width, a.Blocks, a.Heads, a.Hidden, a.Grid, a.Queries = 8, 1, 1, 8, [2]int{4, 4}, 4
	c.Network = network(a)
}

// trained20 trains to step 20 and returns the losses.
func (s *Step) trained20(t *testing.T, state *State) (losses []Losses) {
	t.Helper()
	batch := unevenBatch(s.config.Network.Architecture(), s.config.BatchSize)
	for state.Step < 20 {
		l, err := s.Run(state, batch)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, l)
	}
	return losses
}

// Twenty steps give the same losses and parameters on any number of devices, with and
// without accumulation. Sums are in another order, and Adam divides small gradients by
// their own size: float32 leaves 1e-6 of a loss and 1e-5 of a parameter.
func TestDevicesMakeTheSameSteps(t *testing.T) {
	b := backendtest.Devices(t, 4)
	one := seamStep(t, b, tiny)
	want := one.start(t, dtypes.Float32)
	wantLosses := one.trained20(t, want)
	for name, change := range map[string]func(*StepConfig){
		"2 devices":           onFirst(2, nil),
		"4 devices, mixed":    onFirst(0, func(c *StepConfig) { c.Devices = []compute.DeviceNum{3, 1, 0, 2} }),
		"2 devices, 2 shares": onFirst(2, func(c *StepConfig) { c.Accumulate = 2 }),
	} {
		t.Run(name, func(t *testing.T) {
			s := seamStep(t, b, change)
			state := s.start(t, dtypes.Float32)
			losses := s.trained20(t, state)
			for i, l := range losses {
				w := wantLosses[i]
				for what, pair := range map[string][2]float64{"loss": {l.Total, w.Total}, "gradient norm": {l.GradientNorm, w.GradientNorm},
					"matched": {l.Matched, w.Matched}, "class loss": {l.Class[0], w.Class[0]}} {
					if !(math.Abs(pair[0]-pair[1]) <= 1e-6*max(1, math.Abs(pair[1]))) {
						t.Errorf("step %d: %s is %v, on one device %v", i, what, pair[0], pair[1])
					}
				}
			}
			for d := range s.devices {
				same(t, fmt.Sprintf("device %d", s.devices[d]), state.on(d), want, 1e-5)
			}
		})
	}
}

// same compares parameters, running values and slots.
func same(t *testing.T, what string, got, want *State, tolerance float64) {
	t.Helper()
	compare := func(name string, got, want []*tensors.Tensor) {
		worst := 0.0
		for i := range want {
			if want[i] == nil && got[i] == nil { // a slot of what is frozen
				continue
			}
			have, wanted := tensors.MustCopyFlatData[float32](got[i]), tensors.MustCopyFlatData[float32](want[i])
			for j := range wanted {
				worst = max(worst, math.Abs(float64(have[j]-wanted[j])))
			}
		}
		if !(worst <= tolerance) {
			t.Errorf("%s: %s differ by %g", what, name, worst)
		}
	}
	compare("parameters", got.Params, want.Params)
	compare("running values", got.Buffers, want.Buffers)
	for name := range want.Slots {
		compare(name, got.Slots[name], want.Slots[name])
	}
}

func TestDevicesThatCannotBe(t *testing.T) {
	b := backendtest.Go(t)
	for want, c := range map[string]StepConfig{
		"device 1: the backend has the devices 0 to 0": {BatchSize: 2, Devices: []compute.DeviceNum{0, 1}},
		"device 0 is named twice":                      {BatchSize: 2, Devices: []compute.DeviceNum{0, 0}},
	} {
		full := small(5)
		full.BatchSize, full.Devices = c.BatchSize, c.Devices
		if _, err := NewStep(b, full); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
