package train

import (
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/internal/backend/backendtest"
)

// rung is a small network of a name.
func rung(name string) arch.Architecture {
	a := arch.Architecture{Width: 16, Blocks: 4, Heads: 2, Hidden: 24, MaskBlocks: 2, Registers: 1, Grid: [2]int{2, 2},
		Queries: 6, Classes: 3}.ForKind(arch.DINOv2).ForPatch(16).ForNetwork(name)
	if a.HasDecoder() {
		a.DecoderWidth, a.DecoderHeads, a.DecoderLayers, a.DecoderHidden = 32, 2, 3, 24
	}
	if a.HasPixelDecoder() {
		a.EncoderLayers, a.EncoderHidden = 1, 24
	}
	return a
}

// rungStep is a step of a small network on the Go backend, and its start.
func rungStep(t *testing.T, a arch.Architecture) (*Step, *State) {
	t.Helper()
	c := small(a.Classes)
	c.Network = network(a)
	c.Schedule = Schedule{Total: 100, Annealing: AnnealingRule(100, a.AnnealedBlocks())}
	step, err := NewStep(backendtest.Go(t), c)
	if err != nil {
		t.Fatal(err)
	}
	state, err := NewState(a, nil, 1, dtypes.Float32)
	if err != nil {
		t.Fatal(err)
	}
	return step, state
}

// Every network learns one batch: the loss falls.
func TestEveryRungLearns(t *testing.T) {
	for _, name := range arch.Networks {
		t.Run(name, func(t *testing.T) {
			a := rung(name)
			step, state := rungStep(t, a)
			var losses []float64
			for range 4 {
				l, err := step.Run(state, quickBatch(a, 2, 8))
				if err != nil {
					t.Fatal(err)
				}
				losses = append(losses, l.Total)
			}
			if first, last := losses[0]+losses[1], losses[2]+losses[3]; !(last < first) {
				t.Errorf("losses %v do not fall", losses)
			}
		})
	}
}

// BatchNorm's running values are state: a step moves them, no gradient or decay does, a
// checkpoint keeps them, and a run that goes on from it is the uninterrupted one.
func TestRunningValuesAreKept(t *testing.T) {
	a := rung(arch.ViTAdapterMask2Former)
	step, state := rungStep(t, a)
	batch := quickBatch(a, 2, 8)
	advance := func(state *State) []float32 {
		t.Helper()
		if _, err := step.Run(state, batch); err != nil {
			t.Fatal(err)
		}
		var all []float32
		for _, b := range state.Buffers {
			all = append(all, tensors.MustCopyFlatData[float32](b)...)
		}
		return all
	}
	first := advance(state)
	for i, b := range a.Buffers() {
		values := tensors.MustCopyFlatData[float32](state.Buffers[i])
		if len(values) != b.Size() || !slices.ContainsFunc(values, func(v float32) bool { return v != b.Start }) {
			t.Errorf("%s did not move", b.Name)
		}
	}
	store := &checkpoints.Store{Dir: t.TempDir()}
	path, err := store.Save(state.snapshot(a, checkpoints.State{Architecture: &a}))
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := checkpoints.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	resumed, err := Restore(a, loaded.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	through, again := advance(state), advance(resumed)
	if !slices.Equal(through, again) || slices.Equal(first, again) {
		t.Error("the running values of a resumed run are not the uninterrupted one's")
	}
	for i := range state.Params {
		if !slices.Equal(tensors.MustCopyFlatData[float32](state.Params[i]), tensors.MustCopyFlatData[float32](resumed.Params[i])) {
			t.Fatalf("%s differs after resuming", a.Parameters()[i].Name)
		}
	}
}
