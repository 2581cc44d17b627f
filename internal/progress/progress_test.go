package progress

import (
	"strings"
	"testing"
	"time"
)

func TestLineWithoutTerminal(t *testing.T) {
	var out strings.Builder
	p := &Progress{label: "train", total: 10, out: &out, start: time.Now().Add(-20 * time.Second)}
	p.Set(4, "loss 1.5")
	if got, want := out.String(), "train: 4 of 10, 20s, 30s left, loss 1.5\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	p.Set(5, "")
	if strings.Count(out.String(), "\n") != 1 {
		t.Errorf("a second line within %v: %q", lineEvery, out.String())
	}
	p.Finish()
	if !strings.HasSuffix(out.String(), "train: 5 of 10, 20s, 20s left, loss 1.5\n") {
		t.Errorf("no last line: %q", out.String())
	}
}
