package train

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/internal/backend/backendtest"
)

// The average of each trained parameter is that of its values after every step, by
// the decay's definition in float64; training itself is unchanged.
func TestMovingAverage(t *testing.T) {
	const decay = 0.2 // below the rising decay from the second step on
	s := seamStep(t, backendtest.Go(t), func(c *StepConfig) {
		c.Optimizer.EMA = decay
		c.FineTune.Freeze = []string{"backbone.norm"}
	})
	plain := seamStep(t, backendtest.Go(t), func(c *StepConfig) { c.FineTune.Freeze = []string{"backbone.norm"} })
	a := s.config.Network.Architecture()
	batch := unevenBatch(a, 4)
	state, without := s.start(t, dtypes.Float64), plain.start(t, dtypes.Float64)
	var want [][]float64
	for _, p := range state.Params {
		want = append(want, tensors.MustCopyFlatData[float64](p))
	}
	for n := 1; n <= 4; n++ {
		if _, err := s.Run(state, batch); err != nil {
			t.Fatal(err)
		}
		if _, err := plain.Run(without, batch); err != nil {
			t.Fatal(err)
		}
		d := min(decay, float64(1+n)/float64(10+n))
		for i := range want {
			for j, v := range tensors.MustCopyFlatData[float64](state.Params[i]) {
				want[i][j] = d*want[i][j] + (1-d)*v
			}
		}
	}
	values, err := state.Averaged()
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range a.Parameters() {
		if !state.Params[i].Equal(without.Params[i]) {
			t.Errorf("%s is trained to other values with moving averages", p.Name)
		}
		if frozen := strings.HasPrefix(p.Name, "backbone.norm"); (state.Slots[checkpoints.AverageSlot][i] == nil) != frozen {
			t.Errorf("%s: frozen %v, slot %v", p.Name, frozen, state.Slots[checkpoints.AverageSlot][i])
		}
		for j, got := range tensors.MustCopyFlatData[float64](values[i]) {
			if math.Abs(got-want[i][j]) > 1e-14 { // the same terms, associated otherwise
				t.Errorf("%s: average %g, want %g", p.Name, got, want[i][j])
				break
			}
		}
	}
}

// Averages are not lost by a key that was left out.
func TestAveragesAreNotDropped(t *testing.T) {
	s := seamStep(t, backendtest.Go(t), nil)
	state := s.start(t, dtypes.Float32)
	state.Slots = map[string][]*tensors.Tensor{checkpoints.AverageSlot: slices.Clone(state.Params)}
	if _, err := s.Run(state, unevenBatch(s.config.Network.Architecture(), 4)); err == nil || !strings.Contains(err.Error(), "which train.ema 0 would lose: set train.ema") {
		t.Error(err)
	}
}

// fineTunings are ways to train less than everything, or to keep more than it.
var fineTunings = map[string]func(c *StepConfig, a *arch.Architecture){
	"freeze and multipliers": func(c *StepConfig, _ *arch.Architecture) {
		c.FineTune = FineTuneConfig{Freeze: []string{"embedding", "block 0"}, Multipliers: map[string]float64{"class_head": 5, "backbone": 0.5}}
	},
	"moving average": func(c *StepConfig, _ *arch.Architecture) { c.Optimizer.EMA = 0.9 },
	"low-rank factors and their average": func(c *StepConfig, a *arch.Architecture) {
		a.LoRA = arch.LoRA{Rank: 2, Alpha: 4, Targets: "q v fc1"}
		c.Optimizer.EMA = 0.9
	},
}

// Each of them, saved after two steps and resumed, gives the checkpoint of four steps
// at once, to the bit.
func TestFineTuningResumes(t *testing.T) {
	for name, change := range fineTunings {
		t.Run(name, func(t *testing.T) {
			c := small(5)
			a := smallArchitecture(5)
			change(&c, &a)
			c.Network = network(a)
			s, err := NewStep(backendtest.Go(t), c)
			if err != nil {
				t.Fatal(err)
			}
			batch := quickBatch(a, c.BatchSize, 8)
			run := func(state *State, steps int) {
				for range steps {
					if _, err := s.Run(state, batch); err != nil {
						t.Fatal(err)
					}
				}
			}
			save := func(state *State) checkpoints.Store {
				store := checkpoints.Store{Dir: t.TempDir()}
				if _, err := store.Save(state.snapshot(a, checkpoints.State{Architecture: &a})); err != nil {
					t.Fatal(err)
				}
				return store
			}
			through := s.start(t, dtypes.Float32)
			run(through, 2)
			half := save(through)
			run(through, 2)
			loaded, err := checkpoints.Load(half.Dir)
			if err != nil {
				t.Fatal(err)
			}
			defer loaded.Close()
			resumed, err := Restore(a, loaded.Snapshot)
			if err != nil {
				t.Fatal(err)
			}
			run(resumed, 2)
			wantSameFiles(t, filepath.Join(save(resumed).Dir, "step-00000004"), filepath.Join(save(through).Dir, "step-00000004"))
		})
	}
}

// wantSameFiles compares the files of two folders.
func wantSameFiles(t *testing.T, got, want string) {
	t.Helper()
	files, err := os.ReadDir(want)
	if err != nil || len(files) < 4 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		a, err := os.ReadFile(filepath.Join(got, file.Name()))
		if err != nil {
			t.Error(err)
			continue
		}
		b, err := os.ReadFile(filepath.Join(want, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs", file.Name())
		}
	}
}
