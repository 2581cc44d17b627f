// Package backendtest runs a test on the backends of this machine's processor: always
// on "go", and on "xla:cpu" where its plugin is installed.
package backendtest

import (
	"os"
	"sync"
	"testing"

	"github.com/gomlx/compute"

	"eomt/internal/backend"
)

var opened = map[string]func() (compute.Backend, error){
	"go":      sync.OnceValues(func() (compute.Backend, error) { return backend.Open(backend.Choice{Name: "go"}) }),
	"xla:cpu": sync.OnceValues(func() (compute.Backend, error) { return backend.Open(backend.Choice{Name: "xla:cpu"}) }),
}

// requireEnv is set where the tests must run on XLA too.
const requireEnv = "EOMT_REQUIRE_XLA"

// Each runs test as a subtest on every backend there is. Without a plugin the
// subtest xla:cpu is skipped, or fails if EOMT_REQUIRE_XLA is set.
func Each(t *testing.T, test func(t *testing.T, b compute.Backend)) {
	t.Helper()
	for _, name := range []string{"go", "xla:cpu"} {
		t.Run(name, func(t *testing.T) {
			if name == "xla:cpu" && !backend.HasPlugin("cpu") {
				without(t, os.Getenv(requireEnv) != "")
			}
			b, err := opened[name]()
			if err != nil {
				t.Fatal(err)
			}
			test(t, b)
		})
	}
}

// without ends a test for want of a plugin.
func without(t testing.TB, required bool) {
	t.Helper()
	const reason = "no PJRT plugin here: `make setup` fetches it"
	if required {
		t.Fatal(reason + "; " + requireEnv + " is set")
	}
	t.Skip(reason)
}

// Fast opens the faster of the backends that tests run on.
func Fast(tb testing.TB) compute.Backend {
	tb.Helper()
	name := "go"
	if backend.HasPlugin("cpu") {
		name = "xla:cpu"
	}
	b, err := opened[name]()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Go opens the Go backend, which runs a graph as it is: where compiling for XLA
// would take far longer than the test.
func Go(tb testing.TB) compute.Backend {
	tb.Helper()
	b, err := opened["go"]()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Devices opens a backend with at least n devices: xla:cpu, whose devices share the
// processor. Without its plugin the test is skipped, or fails if EOMT_REQUIRE_XLA is
// set.
func Devices(tb testing.TB, n int) compute.Backend {
	tb.Helper()
	if !backend.HasPlugin("cpu") {
		without(tb, os.Getenv(requireEnv) != "")
	}
	b, err := opened["xla:cpu"]()
	if err != nil {
		tb.Fatal(err)
	}
	if b.NumDevices() < n {
		tb.Fatalf("xla:cpu has %d devices, want %d", b.NumDevices(), n)
	}
	return b
}
