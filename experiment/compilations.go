package experiment

import (
	"fmt"
	"time"
)

// compilations says what a run has compiled; empty where the backend compiles nothing.
func compilations(compiled, loaded int, took time.Duration) string {
	switch {
	case compiled+loaded == 0:
		return ""
	case loaded == 0:
		return fmt.Sprintf("%s compiled in %v", count(compiled, "program"), took.Round(time.Second/10))
	}
	return fmt.Sprintf("%s compiled in %v, %d taken from an earlier run", count(compiled, "program"), took.Round(time.Second/10), loaded)
}
