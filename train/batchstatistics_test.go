package train

import (
	"math"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/data"
	"eomt/internal/backend/backendtest"
)

// adapterOn is a step of a network with batch normalisation on the first n devices.
func adapterOn(n int, change func(*StepConfig)) func(*StepConfig) {
	return onFirst(n, func(c *StepConfig) {
		a := rung(arch.ViTAdapterMask2Former)
		a.DecoderLayers = 1
		c.Network = network(a)
		c.Schedule = Schedule{Total: 100, Annealing: AnnealingRule(100, a.AnnealedBlocks())}
		if change != nil {
			change(c)
		}
	})
}

// unlikeImages is a batch whose parts have other statistics than the whole.
func unlikeImages(s *Step) *data.Batch {
	b := unevenBatch(s.config.Network.Architecture(), s.config.BatchSize)
	for i := range b.Images {
		image := i * b.B / len(b.Images)
		b.Images[i] = b.Images[i]/4 + uint8(50*image)
	}
	return b
}

// statisticsKey asks for TestDevicesShareBatchStatistics, which takes minutes (make
// devices-test), and names the folder for compiled programs in its child.
const statisticsKey = "EOMT_DEVICES_TEST"

// Batch normalisation takes the statistics of the global batch on any number of devices:
// losses, parameters and running values are those of one device, also where each device
// has one image and the parts run separately. In float32 so small a network differs
// by 2e-5 after six steps even where only the programs are other ones (at stride 32 it
// normalises four pixels); in float64 nothing but roundings is left. Each of the
// ten norms sums twice forward and twice backward (XLA joins some); gradients are summed
// once; nothing is in a loop.
func TestDevicesShareBatchStatistics(t *testing.T) {
	switch os.Getenv(statisticsKey) {
	case "":
		t.Skip("takes minutes: make devices-test")
	case "child":
		sameOnDevices(t)
		return
	}
	backendtest.Devices(t, 4)
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDevicesShareBatchStatistics$", "-test.v")
	cmd.Env = append(os.Environ(), statisticsKey+"=child", "EOMT_PROGRAMS=off",
		"XLA_FLAGS="+os.Getenv("XLA_FLAGS")+" --xla_backend_optimization_level=0 --xla_dump_hlo_as_text --xla_dump_to="+dir)
	out, err := cmd.CombinedOutput()
	if t.Logf("%s", out); err != nil {
		t.Fatal(err)
	}
	var counts []int
	for _, p := range dumped(t, dir) {
		if len(p.loops) == 0 { // the update, which gathers parameters
			continue
		}
		if reduces := p.allReduces(t); reduces > 0 {
			counts = append(counts, reduces)
		}
	}
	slices.Sort(counts)
	if len(counts) != 2 || counts[0] > 4*10 || counts[1] != counts[0]+1 {
		t.Errorf("%v all-reduces in gradients and whole step, want at most 40, and one more", counts)
	}
	t.Logf("%v all-reduces in gradients and whole step", counts)
}

// sameOnDevices trains on one, two and four devices.
func sameOnDevices(t *testing.T) {
	const steps = 6
	b := backendtest.Devices(t, 4)
	train := func(change func(*StepConfig)) (*State, []float64) {
		s := seamStep(t, b, change)
		state := s.start(t, dtypes.Float64)
		var losses []float64
		for range steps {
			l, err := s.Run(state, unlikeImages(s))
			if err != nil {
				t.Fatal(err)
			}
			losses = append(losses, l.Total)
		}
		return state, losses
	}
	want, wantLosses := train(adapterOn(0, nil))
	if len(want.Buffers) == 0 {
		t.Fatal("the network has no running values")
	}
	for name, change := range map[string]func(*StepConfig){
		"2 devices":                 adapterOn(2, nil),
		"4 devices, separate parts": adapterOn(4, func(c *StepConfig) { c.ShardOptimizer = true }),
	} {
		state, losses := train(change)
		worst, of := 0.0, map[string][2][]*tensors.Tensor{"parameter": {state.Params, want.Params}, "running value": {state.Buffers, want.Buffers}}
		for what, pair := range of {
			for i := range pair[1] {
				got, wanted := tensors.MustCopyFlatData[float64](pair[0][i]), tensors.MustCopyFlatData[float64](pair[1][i])
				for k := range wanted {
					apart := math.Abs(got[k] - wanted[k])
					if worst = max(worst, apart); !(apart <= 1e-8) {
						t.Fatalf("%s: %s %d is %v, on one device %v", name, what, i, got[k], wanted[k])
					}
				}
			}
		}
		for i, w := range wantLosses {
			if !(math.Abs(losses[i]-w) <= 1e-10*w) {
				t.Errorf("%s, step %d: loss %v, on one device %v", name, i, losses[i], w)
			}
		}
		for _, one := range state.Replicas()[1:] {
			for i := range one.Buffers {
				if !one.Buffers[i].Equal(state.Buffers[i]) {
					t.Fatalf("%s: running values on device %d differ from the first's", name, one.device)
				}
			}
		}
		t.Logf("%s: parameters and running values differ by %.2g", name, worst)
	}
}

// A step that is not finite leaves running values as they were however it is computed,
// and hosts, whose running values are the same, find it not finite together.
func TestRunningValuesOfAStepThatIsNotFinite(t *testing.T) {
	advance := func(t *testing.T, s *Step, state *State, batch *data.Batch, parameter string) {
		if _, err := s.Run(state, batch); err != nil {
			t.Error(err)
			return
		}
		if parameter != "" {
			set(t, s, state, parameter, float32(math.NaN()))
		}
		before := runningValues(state)
		l, err := s.Run(state, batch)
		if err != nil || l.Finite() || state.Step != 1 {
			t.Errorf("%+v, %v after step %d", l, err, state.Step)
		}
		if after := runningValues(state); !slices.Equal(before, after) {
			t.Error("running values have changed")
		}
	}
	for name, change := range map[string]func(*StepConfig){
		"whole":    nil,
		"2 shares": func(c *StepConfig) { c.Accumulate = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			s := seamStep(t, backendtest.Go(t), adapterOn(0, change))
			advance(t, s, s.start(t, dtypes.Float32), unlikeImages(s), "class_head.bias")
		})
	}
	t.Run("2 hosts", func(t *testing.T) {
		states := make([]*State, 2)
		var group sync.WaitGroup
		for i, host := range newThreads(2) {
			s := seamStep(t, backendtest.Go(t), adapterOn(0, func(c *StepConfig) { c.Hosts = host }))
			states[i] = s.start(t, dtypes.Float32)
			mine := part(unlikeImages(s), 2*i, 2)
			parameter := "class_head.bias"
			if i == 1 { // whose own losses are finite
				parameter = ""
			}
			group.Go(func() { advance(t, s, states[i], mine, parameter) })
		}
		group.Wait()
		if !slices.Equal(runningValues(states[0]), runningValues(states[1])) {
			t.Error("the hosts have other running values")
		}
	})
}

func runningValues(state *State) (all []float32) {
	for _, one := range state.Replicas() {
		for _, b := range one.Buffers {
			all = append(all, tensors.MustCopyFlatData[float32](b)...)
		}
	}
	return all
}
