package model

import (
	"errors"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"

	"eomt/arch"
	"eomt/internal/backend/backendtest"
)

// Reading a tensor on a device leaves no second copy on the host.
func TestHostBytesKeepsNoCopy(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		x := MustExecOnce(b, func(x *Node) *Node { return AddScalar(x, 1) }, []float32{1, 2, 3})
		var n int
		if err := HostBytes(x, func(raw []byte) { n = len(raw) }); err != nil {
			t.Fatal(err)
		}
		if n != 12 || x.IsLocal() && x.IsOnAnyDevice() && !x.IsShared() {
			t.Errorf("%d bytes read, a copy on the host: %t", n, x.IsLocal())
		}
	})
}

func TestLoadNamesWhatCannotBeRead(t *testing.T) {
	_, err := Load([]arch.Tensor{{Name: "a", Shape: []int{2}}, {Name: "b", Shape: []int{1}}}, func(i int, dst []float32) error {
		if i == 1 {
			return errors.New("disk")
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "load b: disk") {
		t.Errorf("got %v", err)
	}
}
