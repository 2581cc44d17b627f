// Package backendtest runs a test on every backend of this machine: always on
// "go", and on "xla:cpu" where its plugin is installed.
package backendtest

import (
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/compute"

	"eomt/internal/backend"
)

var opened = map[string]func() (compute.Backend, error){
	"go":      sync.OnceValues(func() (compute.Backend, error) { return backend.Open(backend.Choice{Name: "go"}) }),
	"xla:cpu": sync.OnceValues(func() (compute.Backend, error) { return backend.Open(backend.Choice{Name: "xla:cpu"}) }),
}

// Each runs test as a subtest on every backend there is.
func Each(t *testing.T, test func(t *testing.T, b compute.Backend)) {
	t.Helper()
	for _, name := range []string{"go", "xla:cpu"} {
		if name != "go" && !strings.HasPrefix(backend.Choose("").Name, "xla") {
			t.Logf("%s: no PJRT plugin here (`make setup` installs one)", name)
			continue
		}
		b, err := opened[name]()
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { test(t, b) })
	}
}

// Fast opens the fastest backend of this machine.
func Fast(tb testing.TB) compute.Backend {
	tb.Helper()
	name := "go"
	if strings.HasPrefix(backend.Choose("").Name, "xla") {
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
