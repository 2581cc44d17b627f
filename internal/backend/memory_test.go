package backend_test

import (
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/internal/backend"
	"eomt/internal/backend/backendtest"
)

// A product of two matrices needs its operands and its result, 4 bytes an element. An
// upgrade of go-xla that moves the figures fails here.
func TestMemoryOf(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		exec := MustNewExec(b, func(x, y *Node) *Node { return Dot(x, y).Product() })
		defer exec.Finalize()
		graph, err := exec.Compile(shapes.Make(dtypes.Float32, 8, 16), shapes.Make(dtypes.Float32, 16, 4))
		if err != nil {
			t.Fatal(err)
		}
		got, ok := backend.MemoryOf(graph.Executable())
		if strings.HasSuffix(t.Name(), "/go") {
			if ok || got != (backend.Memory{}) {
				t.Errorf("go reports %+v", got)
			}
			return
		}
		if !ok || got.Arguments != 4*(8*16+16*4) || got.Outputs != 4*8*4 || got.Aliased != 0 || got.Peak() < got.Arguments+got.Outputs {
			t.Errorf("%+v, %v", got, ok)
		}
	})
}

func TestMemoryOfNothing(t *testing.T) {
	if got, ok := backend.MemoryOf(nil); ok {
		t.Errorf("%+v", got)
	}
}
