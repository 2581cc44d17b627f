package model

import (
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
	"eomt/internal/backend"
	"eomt/internal/backend/backendtest"
)

// With blocks rematerialised, two blocks more take the memory of two inputs more: the
// compiler keeps their order, so that the values of one are in memory at a time.
// (Without, a block more took 22 times its input.)
func TestRematerialisedBlocksTakeLittleMemory(t *testing.T) {
	b := backendtest.Fast(t)
	if b.Name() == backendtest.Go(t).Name() {
		t.Skip("the backend go reports no memory")
	}
	temporary := func(blocks int) int64 {
		a := arch.Architecture{Width: 32, Blocks: blocks, Heads: 2, Hidden: 128, Grid: [2]int{8, 8}, Queries: 1, Classes: 1}.ForKind(arch.DINOv2).ForPatch(8)
		exec := MustNewExec(b, func(in []*Node) []*Node {
			n := &net{Architecture: a, params: Bind(a, in[1:]), dtype: dtypes.Float32, rematerialise: RematBlocks}
			x := in[0]
			for i := range blocks {
				x = n.block(i, x, nil, nil)
			}
			return Gradient(ReduceAllSum(Square(x)), in...)
		})
		defer exec.Finalize()
		list := []shapes.Shape{shapes.Make(dtypes.Float32, 4, 256, 32)}
		for _, p := range a.Parameters() {
			list = append(list, shapes.Make(dtypes.Float32, p.Shape...))
		}
		g, err := exec.Compile(list...)
		if err != nil {
			t.Fatal(err)
		}
		m, ok := backend.MemoryOf(g.Executable())
		if !ok {
			t.Fatal("no report of memory")
		}
		return m.Temporary
	}
	const inputs = 2 * 4 * 256 * 32 * 4 // bytes
	if more := temporary(4) - temporary(2); more > 3*inputs/2 {
		t.Errorf("two blocks more take %d bytes, their inputs take %d", more, inputs)
	}
}
