package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/cheggaaa/pb/v3"
	"golang.org/x/term"

	"eomt/internal/memory"
)

// Progress counts up to a total. Its methods are safe for concurrent use.
type Progress struct {
	mu    sync.Mutex
	label string
	total int
	done  int
	note  string
	unit  string // of the rate; empty shows none
	each  int    // units per count
	phase string // what runs in place of counting; empty while counting
	since time.Time

	pace  pace
	start time.Time
	last  time.Time // of the last line
	now   func() time.Time
	out   io.Writer

	terminal bool
	bar      *pb.ProgressBar // nil without a terminal, and while paused

	stop chan struct{}
	once sync.Once
}

// Start begins showing label's progress towards total, 0 if unknown, on standard error.
func Start(label string, total int) *Progress {
	p := counting(label, total, os.Stderr, time.Now)
	p.terminal = term.IsTerminal(int(os.Stderr.Fd()))
	p.draw()
	go p.tick()
	return p
}

// draw begins a bar on a terminal, if there is none.
func (p *Progress) draw() {
	if !p.terminal || p.bar != nil {
		return
	}
	p.bar = pb.New(p.total).SetWriter(p.out).SetTemplateString(
		`{{string . "label"}} {{counters . }} {{bar . }} {{percent . }} {{string . "note"}}`)
	p.bar.Set("label", p.label)
	p.bar.Start()
}

func counting(label string, total int, out io.Writer, now func() time.Time) *Progress {
	start := now()
	return &Progress{label: label, total: total, out: out, now: now, start: start, last: start, stop: make(chan struct{})}
}

// Rate also shows units per second, where a count is each units, and the peak
// memory of this process.
func (p *Progress) Rate(unit string, each int) *Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unit, p.each = unit, each
	return p
}

// Phase shows what runs in place of counting ("compiling"), with its duration,
// until the next Set. Neither it nor the count that ends it is part of the rate and
// of the time left.
func (p *Progress) Phase(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase, p.since, p.pace = name, p.now(), pace{}
	p.draw()
	p.show()
}

// Pause leaves the terminal to another display until the next Set. What runs
// meanwhile is no part of the rate and of the time left.
func (p *Progress) Pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase, p.pace = "", pace{}
	if p.bar != nil {
		p.bar.Finish()
		p.bar = nil
	}
}

// Set moves to done; note, if not empty, is shown beside it.
func (p *Progress) Set(done int, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase, p.done = "", done
	p.pace.add(p.now(), done)
	p.draw()
	if note != "" {
		p.note = note
	}
	p.show()
}

// Finish ends the display. A second call does nothing.
func (p *Progress) Finish() {
	p.once.Do(func() {
		close(p.stop)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.phase = ""
		if p.terminal {
			if p.bar != nil {
				p.bar.Set("note", p.details())
				p.bar.Finish()
			}
			return
		}
		if p.now().Sub(p.start) >= 2*time.Second {
			p.line()
		}
	})
}

// tick keeps a phase's duration moving.
func (p *Progress) tick() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			p.mu.Lock()
			if p.phase != "" {
				p.show()
			}
			p.mu.Unlock()
		}
	}
}

// show updates the bar, or prints a line where the last one is long enough ago.
func (p *Progress) show() {
	if p.bar != nil {
		p.bar.Set("note", p.details())
		p.bar.SetCurrent(int64(p.done))
	}
	if p.terminal {
		return
	}
	if now := p.now(); now.Sub(p.last) >= lineEvery(now.Sub(p.start)) {
		p.line()
	}
}

// lineEvery is how often a line is printed without a terminal: every 5 seconds at
// first, every minute in a long run.
func lineEvery(elapsed time.Duration) time.Duration {
	return min(max(elapsed/20, 5*time.Second), time.Minute)
}

func (p *Progress) line() {
	p.last = p.now()
	count := fmt.Sprint(p.done)
	if p.total > 0 {
		count += fmt.Sprintf(" of %d", p.total)
	}
	fmt.Fprintf(p.out, "%s: %s, %s%s\n", p.label, count, short(p.last.Sub(p.start)), p.details())
}

// details are phase, time left, rate, memory and note, each after a comma.
func (p *Progress) details() string {
	text := ""
	if p.phase != "" {
		text += fmt.Sprintf(", %s for %s", p.phase, short(p.now().Sub(p.since)))
	} else if left, ok := p.pace.left(p.total - p.done); ok {
		text += ", " + short(left) + " left"
	}
	if p.unit != "" {
		if p.phase == "" && p.pace.perSecond > 0 {
			text += fmt.Sprintf(", %.3g %s/s", p.pace.perSecond*float64(p.each), p.unit)
		}
		if peak := memory.Peak(); peak > 0 {
			text += fmt.Sprintf(", %.1f GiB", float64(peak)/(1<<30))
		}
	}
	if p.note != "" {
		text += ", " + p.note
	}
	return text
}

func short(d time.Duration) string { return d.Round(time.Second).String() }
