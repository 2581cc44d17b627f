package train

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"eomt/internal/backend"
	"eomt/internal/backend/backendtest"
)

// The step is compiled for its memory as it runs: nothing is compiled for the
// first batch after it.
func TestMemoryCompilesWhatRuns(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		c := small(3)
		a := c.Network.Architecture()
		step, err := NewStep(b, c)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := step.Memory(2, 8, false, dtypes.Float32)
		if err != nil {
			t.Fatal(err)
		}
		var count int64
		for _, p := range a.Parameters() {
			count += int64(p.Size())
		}
		if whole.Parameters != 4*count || whole.Gradients != 4*count || whole.Slots != 8*count || whole.Shares {
			t.Errorf("%d parameters: %+v", count, whole)
		}
		xla := backend.HasPlugin("cpu") && b != backendtest.Go(t)
		if p := whole.Program; whole.Known != xla || whole.Known && (p.Arguments < 12*count || p.Outputs < 12*count || p.Temporary < whole.Gradients) {
			t.Errorf("%d parameters: %+v", count, whole)
		}
		if p := whole.Program; whole.Peak() != p.Arguments+p.Outputs+p.Temporary {
			t.Errorf("peak %d of %+v", whole.Peak(), p)
		}
		if _, err := step.Run(step.start(t, dtypes.Float32), quickBatch(a, 2, 8)); err != nil {
			t.Fatal(err)
		}
		if step.Programs() != 1 {
			t.Errorf("%d programs, want 1", step.Programs())
		}
	})
}

// Likewise the gradients of a share.
func TestMemoryCompilesTheShareThatRuns(t *testing.T) {
	c := small(3)
	step, err := NewStep(backendtest.Go(t), c)
	if err != nil {
		t.Fatal(err)
	}
	share, err := step.Memory(1, 40, true, dtypes.Float32)
	if err != nil || share.Known || !share.Shares {
		t.Fatalf("%+v, %v", share, err)
	}
	batch := quickBatch(c.Network.Architecture(), 1, 40)
	batch.Masks = append(batch.Masks, batch.Masks...) // of 40 targets: two words a pixel
	if _, err := step.Gradients(step.start(t, dtypes.Float32), Share{Batch: batch, By: step.Normalizers(batch)}); err != nil {
		t.Fatal(err)
	}
	if step.Programs() != 1 {
		t.Errorf("%d programs, want 1", step.Programs())
	}
}

func TestPeakOfShares(t *testing.T) {
	m := Memory{Parameters: 10, Slots: 20, Gradients: 10, Shares: true, Program: backend.Memory{Arguments: 15, Outputs: 11, Temporary: 100}}
	if got := m.Peak(); got != 15+11+100+20+10 {
		t.Errorf("peak %d", got)
	}
	if m.Program.Temporary = 1; m.Peak() != 2*40 { // the update
		t.Errorf("peak %d of the update", m.Peak())
	}
}
