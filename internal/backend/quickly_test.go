package backend

import (
	"os"
	"testing"
)

func TestCompileQuicklyKeepsWhatIsStated(t *testing.T) {
	for flags, want := range map[string]string{
		"":                                   "--xla_backend_optimization_level=0",
		"--xla_dump_to=x":                    "--xla_dump_to=x --xla_backend_optimization_level=0",
		"--xla_backend_optimization_level=2": "--xla_backend_optimization_level=2",
	} {
		t.Setenv("XLA_FLAGS", flags)
		if err := CompileQuickly(); err != nil || os.Getenv("XLA_FLAGS") != want {
			t.Errorf("%q becomes %q (%v), want %q", flags, os.Getenv("XLA_FLAGS"), err, want)
		}
	}
}
