package train

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
	"eomt/internal/backend/backendtest"
	"eomt/model"
)

// unmasked is a network beside EoMT: no block sees queries, so that it has no mask
// probabilities and no draws.
type unmasked struct{ a arch.Architecture }

func (u unmasked) Architecture() arch.Architecture { return u.a }

// Forward scores each query against a patch grid's mean colours.
func (u unmasked) Forward(p model.Params, pixelsBHW3 *Node, opts model.Options) model.Predictions {
	if opts.Masking != nil {
		panic("masking was asked for")
	}
	b, side := pixelsBHW3.Shape().Dimensions[0], 4
	x := Reshape(pixelsBHW3, b, u.a.MaskH(), side, u.a.MaskW(), side, 3)
	x = ReduceMean(x, 2, 4)
	queries := SliceAxis(p["q.weight"], 1, AxisRange(0, 3))
	masks := model.Masks{FeaturesBhwD: x, EmbeddingBQD: BroadcastToDims(InsertAxes(queries, 0), b, u.a.Queries, 3)}
	classes := DotGeneral(p["q.weight"], []int{1}, nil, p["class_head.weight"], []int{1}, nil)
	classes = BroadcastToDims(InsertAxes(classes, 0), b, u.a.Queries, u.a.Classes+1)
	return model.Predictions{Masks: []model.Masks{masks}, ClassLogitsBQC: []*Node{classes}}
}

// A network without blocks that see queries trains through the same step.
func TestStepOfANetworkWithoutMasks(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		c := small(3)
		a := smallArchitecture(3)
		a.MaskBlocks = 0
		c.Network, c.Schedule.Annealing = unmasked{a}, nil
		step, err := NewStep(b, c)
		if err != nil {
			t.Fatal(err)
		}
		state, err := NewState(a, nil, 1, dtypes.Float32)
		if err != nil {
			t.Fatal(err)
		}
		var first, last float64
		for i := range 4 {
			l, err := step.Run(state, quickBatch(a, c.BatchSize, 8))
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first = l.Total
			}
			last = l.Total
		}
		if !(last < first) {
			t.Errorf("the loss went from %g to %g", first, last)
		}
	})
}
