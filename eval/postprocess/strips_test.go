package postprocess

import (
	"strings"
	"sync/atomic"
	"testing"

	"eomt/internal/panics"
)

// A panic on another goroutine reaches the caller, and does not end the program.
func TestPanicsReachTheCaller(t *testing.T) {
	for name, work := range map[string]func(calls *atomic.Int32){
		"each": func(calls *atomic.Int32) {
			each(100, func(i int) {
				calls.Add(1)
				if i%10 == 3 {
					panic("broken")
				}
			})
		},
		"strips": func(calls *atomic.Int32) { strips(500, func(int, int) { calls.Add(1); panic("broken") }) },
	} {
		var calls atomic.Int32
		err := panics.Recover(func() error { work(&calls); return nil })
		if err == nil || !strings.HasSuffix(err.Error(), ": broken") || calls.Load() == 0 {
			t.Errorf("%s: %v after %d calls", name, err, calls.Load())
		}
	}
}
