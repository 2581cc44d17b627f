package backendtest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gomlx/compute"
)

// TestWithoutAPlugin runs this test binary again with an empty plugin folder: the
// missing backend must be seen, and is a failure where it is required.
func TestWithoutAPlugin(t *testing.T) {
	if os.Getenv("EOMT_TEST_INNER") != "" {
		Each(t, func(*testing.T, compute.Backend) {})
		return
	}
	for require, want := range map[string]string{"": "--- SKIP: TestWithoutAPlugin/xla:cpu", "1": "--- FAIL: TestWithoutAPlugin/xla:cpu"} {
		command := exec.Command(os.Args[0], "-test.run=^TestWithoutAPlugin$", "-test.v")
		command.Env = append(os.Environ(), "EOMT_TEST_INNER=1", "PJRT_PLUGIN_LIBRARY_PATH="+t.TempDir(), requireEnv+"="+require)
		out, _ := command.CombinedOutput()
		if !strings.Contains(string(out), want) || !strings.Contains(string(out), "no PJRT plugin here") ||
			!strings.Contains(string(out), "--- PASS: TestWithoutAPlugin/go") {
			t.Errorf("%s=%q: %s, want %s", requireEnv, require, out, want)
		}
	}
}
