package progress

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// clock is a time that a test moves.
type clock struct{ time time.Time }

func (c *clock) now() time.Time          { return c.time }
func (c *clock) pass(span time.Duration) { c.time = c.time.Add(span) }

func start(total int) (*Progress, *clock, *strings.Builder) {
	c, out := &clock{time.Unix(1000, 0)}, new(strings.Builder)
	return counting("train", total, out, c.now), c, out
}

func lastLine(out *strings.Builder) string {
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	return lines[len(lines)-1]
}

func TestLineWithoutTerminal(t *testing.T) {
	p, c, out := start(10)
	p.Set(0, "")
	c.pass(20 * time.Second)
	p.Set(4, "loss 1.5")
	if got, want := out.String(), "train: 4 of 10, 20s, 30s left, loss 1.5\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	c.pass(4 * time.Second)
	p.Set(5, "")
	if strings.Count(out.String(), "\n") != 1 {
		t.Errorf("a second line after 4 seconds: %q", out.String())
	}
	p.Finish()
	p.Finish()
	if got := lastLine(out); !strings.HasPrefix(got, "train: 5 of 10, 24s, ") || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("no last line, or two: %q", out.String())
	}
}

// A compilation of 100 seconds before steps of a second each must not count as
// the pace of steps.
func TestCompilingIsNoPartOfTheTimeLeft(t *testing.T) {
	p, c, out := start(100)
	p.Phase("compiling")
	c.pass(50 * time.Second)
	p.mu.Lock()
	p.show()
	p.mu.Unlock()
	if got, want := lastLine(out), "train: 0 of 100, 50s, compiling for 50s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	c.pass(50 * time.Second)
	p.Set(1, "")
	if got, want := lastLine(out), "train: 1 of 100, 1m40s"; got != want {
		t.Errorf("after the first step: %q, want %q", got, want)
	}
	for step := 2; step <= 11; step++ {
		c.pass(time.Second)
		p.Set(step, "")
	}
	if got, want := p.details(), ", 1m29s left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	p.Pause()
	c.pass(300 * time.Second)
	p.Set(12, "")
	c.pass(time.Second)
	p.Set(13, "")
	if left, ok := p.pace.left(p.total - p.done); !ok || left != 87*time.Second {
		t.Errorf("after a validation %v left, want 1m27s", left)
	}
}

func TestRateAndMemory(t *testing.T) {
	p, c, out := start(100)
	p.Rate("images", 4)
	p.Set(0, "")
	c.pass(10 * time.Second)
	p.Set(5, "loss 2")
	if got := lastLine(out); !regexp.MustCompile(`^train: 5 of 100, 10s, 3m10s left, 2 images/s, [0-9.]+ GiB, loss 2$`).MatchString(got) {
		t.Errorf("%q", got)
	}
}

func TestTimeLeftFollowsRecentSteps(t *testing.T) {
	p, c, _ := start(1000)
	for step := 1; step <= 100; step++ { // slow
		c.pass(10 * time.Second)
		p.Set(step, "")
	}
	for step := 101; step <= 300; step++ { // then fast
		c.pass(time.Second)
		p.Set(step, "")
	}
	left, ok := p.pace.left(700)
	if !ok || left < 690*time.Second || left > 710*time.Second {
		t.Errorf("%v left, want about 700s", left)
	}
}

// A journal that is resumed counts to where it was at once.
func TestResumedCountIsNoPace(t *testing.T) {
	p, c, _ := start(1000)
	c.pass(time.Millisecond)
	p.Set(500, "")
	for step := 501; step <= 520; step++ {
		c.pass(2 * time.Second)
		p.Set(step, "")
	}
	left, _ := p.pace.left(480)
	if left < 940*time.Second || left > 980*time.Second {
		t.Errorf("%v left, want about 960s", left)
	}
}

func TestBarOnATerminal(t *testing.T) {
	p, c, out := start(10)
	p.terminal = true
	p.Set(1, "loss 1")
	p.Pause()
	p.Pause()
	if p.bar != nil {
		t.Error("a paused bar is drawn")
	}
	c.pass(time.Second)
	p.Set(2, "loss 2")
	p.Finish()
	if !strings.Contains(out.String(), "train 1 / 10") || !strings.Contains(out.String(), "train 2 / 10") || !strings.Contains(out.String(), "loss 2") {
		t.Errorf("drew %q", out.String())
	}
}

func TestLongRunsPrintSeldom(t *testing.T) {
	for elapsed, want := range map[time.Duration]time.Duration{
		time.Second: 5 * time.Second, 5 * time.Minute: 15 * time.Second, 24 * time.Hour: time.Minute,
	} {
		if got := lineEvery(elapsed); got != want {
			t.Errorf("after %v every %v, want %v", elapsed, got, want)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	p := counting("eval", 1000, new(strings.Builder), time.Now)
	done := make(chan bool)
	for worker := range 4 {
		go func() {
			for i := range 100 {
				p.Set(worker*100+i, fmt.Sprint(i))
				p.Phase("compiling")
			}
			done <- true
		}()
	}
	for range 4 {
		<-done
	}
	p.Finish()
}
