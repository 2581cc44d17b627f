package disk

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// Full reports whether err says that a disk or a quota takes no more.
func Full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// Patience is how long a write is tried again while the disk is full.
type Patience struct {
	Limit time.Duration     // 0 gives up at once
	Say   func(text string) // told that and how long a write waits; nil says nothing
}

const (
	longestPause = 10 * time.Second
	pauses       = 60 // at least, within the limit
	sayEvery     = time.Minute
)

// Do calls write until it fails for another reason than a full disk or succeeds, until
// the limit is over or ctx ends. write must leave nothing behind where it fails. what
// names its object in messages ("the checkpoint of step 7").
func (p Patience) Do(ctx context.Context, what string, write func() error) error {
	err := write()
	if !Full(err) || p.Limit <= 0 {
		return err
	}
	started, pause := time.Now(), min(p.Limit/pauses, longestPause)
	var said time.Time
	for {
		waited := time.Since(started)
		if waited >= p.Limit {
			return fmt.Errorf("%w; waited %v for space in vain", err, round(p.Limit))
		}
		if time.Since(said) >= sayEvery {
			p.say(fmt.Sprintf("WARNING: the disk is full: %s is not written yet (%v); trying again for another %v: free some space", what, err, round(p.Limit-waited)))
			said = time.Now()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; interrupted after waiting %v for space", err, round(time.Since(started)))
		case <-time.After(pause):
		}
		if err = write(); !Full(err) {
			if err == nil {
				p.say(fmt.Sprintf("%s is written after waiting %v for space", what, round(time.Since(started))))
			}
			return err
		}
	}
}

func (p Patience) say(text string) {
	if p.Say != nil {
		p.Say(text)
	}
}

// round keeps whole seconds of what is longer than one.
func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Second)
}
