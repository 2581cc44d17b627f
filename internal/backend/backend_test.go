package backend_test

import (
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/internal/backend/backendtest"
)

func TestEveryBackendComputes(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		got := MustExecOnce(b, func(x *Node) *Node { return ReduceAllSum(x) }, []float32{1, 2, 3})
		if got.Value().(float32) != 6 {
			t.Errorf("1+2+3 = %v", got)
		}
	})
}
