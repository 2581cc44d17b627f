package train

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"

	"eomt/data"
	"eomt/internal/backend"
)

// Memory is what training takes on each of its devices, in bytes.
type Memory struct {
	Parameters int64
	Slots      int64 // the optimiser's
	Gradients  int64 // of the trained parameters
	// Program is the whole step, or the gradients of a share, for so many images at once.
	Program backend.Memory
	Known   bool // whether the backend's compiler reports Program
	Shares  bool // whether Program is the gradients, of a share or of a whole batch
}

// Peak is the largest memory of a step. The next state lies beside the old one
// (docs/decisions/001). While a share's gradients are computed, slots and the sum of the
// earlier shares lie beside them; the update has the gradients, clipped and not, and
// both states.
func (m Memory) Peak() int64 {
	if !m.Shares {
		return m.Program.Peak()
	}
	return max(m.Program.Peak()+m.Slots+m.Gradients, 2*(m.Parameters+m.Slots+m.Gradients))
}

// SlotBytes are those of the optimiser's slots in float32 for so many trained values.
func (s *Step) SlotBytes(values int) int64 { return int64(4 * values * len(s.optimizer.Slots())) }

// Memory compiles, without running it, what so many images with so many targets go
// through at once on each device: the whole step or, where the batch is a share or slots
// are shared out, its gradients. A program that Run has compiled for such a batch is not compiled again.
func (s *Step) Memory(images, targets int, shares bool, dtype dtypes.DType) (Memory, error) {
	shares = shares || s.sharded()
	m := Memory{Shares: shares}
	for i, p := range s.parameterShapes(dtype) {
		m.Parameters += int64(p.ByteSize())
		if s.groups[i].Frozen {
			continue
		}
		m.Gradients += int64(p.ByteSize())
		if s.sharded() && cutAxis(p.Dimensions, len(s.devices)) >= 0 {
			m.Slots += int64(p.ByteSize()) / int64(len(s.devices))
		} else {
			m.Slots += int64(p.ByteSize())
		}
	}
	m.Slots *= int64(len(s.optimizer.Slots()))
	program, err := s.program(images, targets, shares, dtype)
	if err != nil {
		return Memory{}, err
	}
	m.Program, m.Known = backend.MemoryOf(program)
	return m, nil
}

// program compiles the whole step, or the gradients of a share.
func (s *Step) program(images, targets int, shares bool, dtype dtypes.DType) (program compute.Executable, err error) {
	exec, inputs := s.whole, s.wholeShapes(images, targets, dtype)
	if shares {
		exec, inputs = s.parts.gradients, s.shareShapes(images, targets, dtype)
	}
	panicked := exceptions.TryCatch[error](func() {
		var g *graph.Graph
		if g, err = exec.Compile(slices.Repeat(inputs, len(s.devices))...); err == nil {
			program = g.Executable()
		}
	})
	if panicked != nil {
		err = panicked
	}
	if err != nil {
		return nil, fmt.Errorf("train: compile the step for %d images of %d targets: %w", images, targets, err)
	}
	return program, nil
}

// wholeShapes are those of [Step.arguments].
func (s *Step) wholeShapes(images, targets int, dtype dtypes.DType) []shapes.Shape {
	params := s.parameterShapes(dtype)
	list := append([]shapes.Shape{}, params...)
	for range s.optimizer.Slots() {
		for _, i := range s.trained {
			list = append(list, params[i])
		}
	}
	list = append(list, s.bufferShapes(dtype)...)
	list = append(list, s.batchShapes(images, targets, dtype)...)
	if s.mesh != nil {
		list = append(list, shapes.Make(dtype), shapes.Make(dtype))
	}
	return append(list, shapes.Make(dtype, len(s.updateScalars(0))))
}

// shareShapes are those of the gradients' arguments.
func (s *Step) shareShapes(images, targets int, dtype dtypes.DType) []shapes.Shape {
	list := append(s.parameterShapes(dtype), s.bufferShapes(dtype)...)
	list = append(list, s.batchShapes(images, targets, dtype)...)
	return append(list, shapes.Make(dtype), shapes.Make(dtype))
}

func (s *Step) parameterShapes(dtype dtypes.DType) (list []shapes.Shape) {
	for _, p := range s.config.Network.Architecture().Parameters() {
		list = append(list, shapes.Make(dtype, p.Shape...))
	}
	return list
}

func (s *Step) bufferShapes(dtype dtypes.DType) (list []shapes.Shape) {
	for _, b := range s.config.Network.Architecture().Buffers() {
		list = append(list, shapes.Make(dtype, b.Shape...))
	}
	return list
}

// batchShapes are those of [Step.batchArguments].
func (s *Step) batchShapes(images, targets int, dtype dtypes.DType) []shapes.Shape {
	a := s.config.Network.Architecture()
	h, w := a.ImageH(), a.ImageW()
	return []shapes.Shape{
		shapes.Make(dtype, len(s.maskProbs(0))),
		shapes.Make(dtype),
		shapes.Make(dtypes.Uint64, 3),
		shapes.Make(dtypes.Uint32),
		shapes.Make(dtypes.Uint8, images, h, w, 3),
		shapes.Make(dtypes.Uint32, images, h, w, data.NewPlanes(1, 1, targets).Words),
		shapes.Make(dtypes.Int32, images, targets),
		shapes.Make(dtypes.Bool, images, targets),
	}
}
