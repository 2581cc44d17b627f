package train

import (
	"testing"

	"github.com/gomlx/compute/dtypes"

	"eomt/internal/backend/backendtest"
	"eomt/model"
)

// A step that computes its blocks a second time is the step that does not: losses and
// parameters after 20 steps differ by less than compareLosses and compareParameters
// allow, 1e-6.
func TestRematerialisedEqualsKept(t *testing.T) {
	build := func(remat model.Remat) *Step {
		return seamStep(t, backendtest.Go(t), func(c *StepConfig) {
			c.BatchSize, c.Remat = 2, remat
			c.Schedule = Schedule{Total: 20, WarmupHead: 2, WarmupBackbone: 4, Annealing: []Anneal{{3, 16}}}
		})
	}
	kept, again := build(model.RematNone), build(model.RematBlocks)
	want, got := kept.start(t, dtypes.Float32), again.start(t, dtypes.Float32)
	wanted := kept.steps(t, want, 20)
	for i, l := range again.steps(t, got, 20) {
		compareLosses(t, "blocks", i, l, wanted[i])
	}
	compareParameters(t, "blocks", kept, got, want)
}

// Five float64 steps with the reference's draws are the reference's with blocks
// computed a second time too.
func TestFiveRematerialisedStepsMatchReference(t *testing.T) {
	fiveSteps(t, backendtest.Go(t), dtypes.Float64, 1e-8, func(c *StepConfig) { c.Remat = model.RematBlocks })
}
