package scripts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Comparisons refuse a machine that is busy, and say how to measure all the same.
func TestBusyMachinesAreRefused(t *testing.T) {
	for _, c := range []struct {
		load, loaded, want string
		fails              bool
	}{
		{"0.00 0.5 0.5 1/9 7", "", "", false},
		{"4096.50 0.5 0.5 1/9 7", "", "the load average is 4096.50 on ", true},
		{"4096.50 0.5 0.5 1/9 7", "yes", "WARNING: the load average is 4096.50 on ", false},
	} {
		file := filepath.Join(t.TempDir(), "loadavg")
		if err := os.WriteFile(file, []byte(c.load+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		command := exec.Command("peers/quiet.sh", file)
		command.Env = append(os.Environ(), "LOADED="+c.loaded)
		out, err := command.CombinedOutput()
		if (err != nil) != c.fails || !strings.HasPrefix(string(out), c.want) || c.want == "" && len(out) > 0 || c.fails && !strings.Contains(string(out), "LOADED=yes") {
			t.Errorf("load %s, LOADED=%s: %q, %v", c.load, c.loaded, out, err)
		}
	}
	if out, err := exec.Command("peers/quiet.sh", filepath.Join(t.TempDir(), "none")).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("a system that does not say: %q, %v", out, err)
	}
}
