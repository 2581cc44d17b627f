package experiment

import (
	"testing"
	"time"
)

func TestCompilationsAreSummed(t *testing.T) {
	for _, c := range []struct {
		compiled, loaded int
		took             time.Duration
		want             string
	}{
		{0, 0, 0, ""},
		{1, 0, 2340 * time.Millisecond, "1 program compiled in 2.3s"},
		{3, 2, 90 * time.Second, "3 programs compiled in 1m30s, 2 taken from an earlier run"},
		{0, 4, 0, "0 programs compiled in 0s, 4 taken from an earlier run"},
	} {
		if got := compilations(c.compiled, c.loaded, c.took); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
