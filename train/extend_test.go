package train

import (
	"strings"
	"testing"
)

func TestContinued(t *testing.T) {
	rule := func(steps int) Schedule {
		return Schedule{Total: steps, WarmupHead: 10, WarmupBackbone: 10, Annealing: AnnealingRule(steps, 2)}
	}
	if lines := rule(600).Continued(rule(600), 100); lines != nil {
		t.Errorf("the same length: %q", lines)
	}
	text := strings.Join(rule(1200).Continued(rule(600), 600), "\n")
	for _, want := range []string{
		"the run is of 1200 steps instead of 600, 600 of them done",
		"learning rates continue at 0.54 of their peak for new parameters and 0.544 for the backbone (before: 0 and 0), and reach 0 at step 1200",
		"ends at steps [400 1000] instead of [200 500], so that masks are kept with probabilities [0 1] (before: [0 0])",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	off := Schedule{Total: 600}
	if lines := (Schedule{Total: 700}).Continued(off, 600); len(lines) != 2 {
		t.Errorf("without masks: %q", lines)
	}
}
