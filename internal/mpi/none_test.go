//go:build !mpi || !cgo

package mpi

import (
	"strings"
	"testing"
)

// A program without MPI does not train several times at once where a launcher started
// several processes.
func TestOpenWithoutMPI(t *testing.T) {
	t.Setenv("PMIX_RANK", "")
	for _, name := range sizes {
		t.Setenv(name, "")
	}
	if w, err := Open(); w != nil || err != nil {
		t.Errorf("alone: %v, %v", w, err)
	}
	t.Setenv("OMPI_COMM_WORLD_SIZE", "1")
	if w, err := Open(); w != nil || err != nil {
		t.Errorf("one process: %v, %v", w, err)
	}
	t.Setenv("OMPI_COMM_WORLD_SIZE", "2")
	if _, err := Open(); err == nil || !strings.Contains(err.Error(), "build with -tags mpi") {
		t.Errorf("two processes: %v", err)
	}
}
