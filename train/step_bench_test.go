package train

import (
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
	"eomt/data"
	"eomt/internal/backend/backendtest"
	"eomt/losses"
	"eomt/model"
)

// quick is the quickstart's architecture.
var quick = arch.Architecture{Width: 128, Blocks: 6, Heads: 4, Hidden: 512, MaskBlocks: 3, Registers: 4,
	Grid: [2]int{8, 8}, Queries: 16, Classes: 8}.ForKind(arch.DINOv2).ForPatch(8)

func quickBatch(a arch.Architecture, b, m int) *data.Batch {
	batch := &data.Batch{B: b, H: a.ImageH(), W: a.ImageW(), M: m, Names: make([]string, b),
		Images: make([]uint8, b*a.ImageH()*a.ImageW()*3), Masks: make([]uint32, b*a.ImageH()*a.ImageW()),
		Classes: make([]int32, b*m), Valid: make([]bool, b*m)}
	for i := range batch.Images {
		batch.Images[i] = uint8(i * 7)
	}
	for i := range batch.Masks {
		batch.Masks[i] = uint32(i) >> 3
	}
	for i := range batch.Valid {
		batch.Valid[i] = i%m < 6
		batch.Classes[i] = int32(i % a.Classes)
	}
	return batch
}

// BenchmarkStep times the whole training step of the quickstart and its parts.
func BenchmarkStep(b *testing.B) {
	backend := backendtest.Fast(b)
	loss := losses.Defaults()
	loss.Points = 256
	config := StepConfig{Network: network(quick), Loss: loss, Optimizer: DefaultOptimizer(), Schedule: Schedule{Total: 1000, Annealing: AnnealingRule(1000, 3)}}
	step, err := NewStep(backend, config)
	if err != nil {
		b.Fatal(err)
	}
	state, err := NewState(quick, nil, 1, dtypes.Float32)
	if err != nil {
		b.Fatal(err)
	}
	batch := quickBatch(quick, 16, 8)
	n := len(step.groups)
	args := func() []any {
		fresh, err := NewState(quick, nil, 1, dtypes.Float32)
		if err != nil {
			b.Fatal(err)
		}
		all, err := step.arguments(fresh, batch)
		if err != nil {
			b.Fatal(err)
		}
		in := append([]any{}, all[3*n:len(all)-1]...)
		for i := n - 1; i >= 0; i-- {
			in = append([]any{state.Params[i]}, in...)
		}
		return in
	}
	part := func(name string, graph func(in []*Node) []*Node) {
		b.Run(name, func(b *testing.B) {
			exec := MustNewExec(backend, graph)
			defer exec.Finalize()
			in := args()
			exec.MustCall(in...)
			for b.Loop() {
				for _, out := range exec.MustCall(in...) {
					out.MustFinalizeAll()
				}
			}
		})
	}
	predictions := func(in []*Node) (outputs, params []*Node) {
		rest := in[n:]
		draws := Zeros(rest[0].Graph(), shapes.Make(dtypes.Float32, quick.MaskBlocks, batch.B, quick.Queries))
		p := network(quick).Forward(model.Bind(quick, in), model.Normalize(rest[inImages], dtypes.Float32), model.Options{
			Masking: &model.Masking{ProbsL: rest[inMaskProbs], DrawsLBQ: draws}})
		outputs = p.ClassLogitsBQC
		for _, m := range p.Masks {
			outputs = append(outputs, m.FeaturesBhwD, m.EmbeddingBQD)
		}
		return outputs, in[:n]
	}
	part("forward", func(in []*Node) []*Node {
		outputs, _ := predictions(in)
		return outputs
	})
	part("backward", func(in []*Node) []*Node {
		outputs, params := predictions(in)
		var sum *Node
		for _, x := range outputs {
			s := ReduceAllSum(Square(x))
			if sum == nil {
				sum = s
			} else {
				sum = Add(sum, s)
			}
		}
		return Gradient(sum, params...)
	})
	part("criterion", func(in []*Node) []*Node {
		masks, classes := randomPredictions(in[n+inRandom])
		total, _ := losses.Criterion(loss, masks, classes, losses.Targets{PlanesBHWW: in[n+inMasks], ClassesBM: in[n+inClasses], ValidBM: in[n+inValid]}, in[n+inRandom])
		for _, m := range masks {
			classes = append(classes, m.FeaturesBhwD, m.EmbeddingBQD)
		}
		return Gradient(total, classes...)
	})
	b.Run("step", func(b *testing.B) {
		if _, err := step.Run(state, batch); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := step.Run(state, batch); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func randomPredictions(random *Node) (masks []losses.Masks, classes []*Node) {
	normal := func(dims ...int) (x *Node) {
		random, x = RandomNormal(random, shapes.Make(dtypes.Float32, dims...))
		return x
	}
	for range quick.Predictions() {
		masks = append(masks, losses.Masks{FeaturesBhwD: normal(16, quick.MaskH(), quick.MaskW(), quick.Width),
			EmbeddingBQD: normal(16, quick.Queries, quick.Width)})
		classes = append(classes, normal(16, quick.Queries, quick.Classes+1))
	}
	return masks, classes
}
