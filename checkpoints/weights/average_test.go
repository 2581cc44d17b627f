package weights

import (
	"slices"
	"strings"
	"testing"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
)

// Of a checkpoint with moving averages Open takes these, OpenLast the step's values.
func TestOpenTakesAverages(t *testing.T) {
	a := arch.Architecture{Width: 4, Blocks: 1, Heads: 1, Hidden: 8, MaskBlocks: 1, Grid: [2]int{2, 2}, Queries: 2, Classes: 1}.ForKind(arch.DINOv2).ForPatch(8)
	m := Random(a, 1)
	average := tensor.FromFloat32s(arch.QueryWeight, []int{2, 4}, []float32{1, 2, 3, 4, 5, 6, 7, 8})
	store := &checkpoints.Store{Dir: t.TempDir()}
	if _, err := store.Save(checkpoints.Snapshot{State: m.state(), Params: m.Tensors,
		Slots: map[string][]tensor.Tensor{checkpoints.AverageSlot: {average}}}); err != nil {
		t.Fatal(err)
	}
	step := tensor.ByName(m.Tensors)[arch.QueryWeight]
	for _, test := range []struct {
		name   string
		open   func(string) (*Model, error)
		query  tensor.Tensor
		report bool
	}{{"Open", Open, average, true}, {"OpenLast", OpenLast, step, false}} {
		opened, err := test.open(store.Dir)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tensor.ByName(opened.Tensors)[arch.QueryWeight].Float32s()
		if err != nil {
			t.Fatal(err)
		}
		want, err := test.query.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", test.name, got, want)
		}
		if text := opened.Loading.String(); strings.HasSuffix(text, "; 1 are moving averages (train.ema)") != test.report {
			t.Errorf("%s: %s", test.name, text)
		}
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	}
}
