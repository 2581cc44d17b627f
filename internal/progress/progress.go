// Package progress shows how far a long command is: a bar on a terminal, a plain
// line now and then where standard error is a file or a pipe.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/cheggaaa/pb/v3"
	"golang.org/x/term"
)

// lineEvery is how often a plain line is printed without a terminal.
const lineEvery = 5 * time.Second

// Progress counts up to a total. Its methods are safe for concurrent use.
type Progress struct {
	mu    sync.Mutex
	label string
	total int
	done  int
	note  string
	start time.Time
	bar   *pb.ProgressBar // nil without a terminal
	out   io.Writer
	last  time.Time
}

// Start begins showing label's progress towards total on standard error.
func Start(label string, total int) *Progress {
	p := &Progress{label: label, total: total, start: time.Now(), last: time.Now(), out: os.Stderr}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		p.bar = pb.New(total).SetWriter(os.Stderr).SetTemplateString(
			`{{string . "label"}} {{counters . }} {{bar . }} {{percent . }} {{rtime . "%s left"}} {{string . "note"}}`)
		p.bar.Set("label", label)
		p.bar.Start()
	}
	return p
}

// Set moves to done; note, where not empty, is shown beside it.
func (p *Progress) Set(done int, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = done
	if note != "" {
		p.note = note
	}
	if p.bar != nil {
		p.bar.Set("note", p.note)
		p.bar.SetCurrent(int64(done))
		return
	}
	if time.Since(p.last) >= lineEvery {
		p.line()
	}
}

// Finish ends the display.
func (p *Progress) Finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Finish()
		return
	}
	if time.Since(p.start) >= 2*time.Second {
		p.line()
	}
}

func (p *Progress) line() {
	p.last = time.Now()
	elapsed := p.last.Sub(p.start)
	left := ""
	if p.done > 0 && p.done < p.total {
		remaining := time.Duration(float64(elapsed) / float64(p.done) * float64(p.total-p.done))
		left = ", " + remaining.Round(time.Second).String() + " left"
	}
	note := p.note
	if note != "" {
		note = ", " + note
	}
	fmt.Fprintf(p.out, "%s: %d of %d, %s%s%s\n", p.label, p.done, p.total, elapsed.Round(time.Second), left, note)
}
