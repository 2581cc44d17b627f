package train

import (
	"testing"

	"github.com/gomlx/compute/dtypes"

	"eomt/internal/backend/backendtest"
	"eomt/losses"
)

// BenchmarkFineTuning times the quickstart's step with all of it trained, with a frozen
// backbone and with low-rank factors, and reports the bytes of moments and of temporary
// memory.
func BenchmarkFineTuning(b *testing.B) {
	for _, one := range []struct {
		name     string
		fineTune FineTuneConfig
	}{
		{"everything", FineTuneConfig{}},
		{"frozen backbone", FineTuneConfig{Freeze: []string{"backbone"}}},
		{"factors of rank 4", FineTuneConfig{LoRA: LoRAConfig{Rank: 4}}},
	} {
		b.Run(one.name, func(b *testing.B) {
			loss := losses.Defaults()
			loss.Points = 256
			a, err := one.fineTune.LoRA.Adapt(quick)
			if err != nil {
				b.Fatal(err)
			}
			step, err := NewStep(backendtest.Fast(b), StepConfig{Network: network(a), Loss: loss, Optimizer: DefaultOptimizer(), FineTune: one.fineTune,
				BatchSize: 16, Schedule: Schedule{Total: 1000, Annealing: AnnealingRule(1000, 3)}})
			if err != nil {
				b.Fatal(err)
			}
			m, err := step.Memory(16, 8, false, dtypes.Float32)
			if err != nil {
				b.Fatal(err)
			}
			state, err := NewState(a, nil, 1, dtypes.Float32)
			if err != nil {
				b.Fatal(err)
			}
			batch := quickBatch(a, 16, 8)
			for b.Loop() {
				if _, err := step.Run(state, batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(m.Slots), "moment-bytes")
			b.ReportMetric(float64(m.Program.Temporary), "temporary-bytes")
		})
	}
}
