package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"eomt/internal/backend/backendtest"
	"eomt/internal/cli/clitest"
)

// Two devices share out the photographs; all files are those of one, to the byte.
func TestPredictsOnDevices(t *testing.T) {
	backendtest.Devices(t, 2)
	weights, in := tinyRun(t), t.TempDir()
	for i := range 5 {
		if err := os.WriteFile(filepath.Join(in, fmt.Sprintf("%d.jpg", i)), photograph(t, 60+9*i, 50), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	predict := func(devices string) string {
		out := filepath.Join(t.TempDir(), "out")
		if err := run(t.Context(), []string{"-backend", "xla:cpu", "-devices", devices, "-weights", weights, "-out", out, "-score", "0", in}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	wantDir, dir := predict("1"), predict("[1, 0]")
	// The manifest is in the order in which images were done.
	if compared := clitest.SameFiles(t, dir, wantDir, manifest); compared < 11 { // a picture and a map of each, and the list
		t.Errorf("%d files", compared)
	}
}
