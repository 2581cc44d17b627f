package progress

import (
	"math"
	"time"
)

// memorySpan is how far back the pace looks: what happened longer ago weighs
// less than 1/e.
const memorySpan = 30 * time.Second

// pace is how fast something counts now: an average over time that forgets. Its
// zero value is ready for use.
type pace struct {
	base, last time.Time // counting began; of the last count
	done       int
	perSecond  float64 // 0 while unknown
}

// add takes the count at a time. The first one only begins the measurement: it
// held a start, or is where an earlier run ended.
func (p *pace) add(now time.Time, done int) {
	if p.base.IsZero() {
		*p = pace{base: now, last: now, done: done}
		return
	}
	span := now.Sub(p.last)
	if span <= 0 || done <= p.done {
		return
	}
	recent := float64(done-p.done) / span.Seconds()
	// Until memorySpan is over, the plain average since the start.
	weight := max(1-math.Exp(-span.Seconds()/memorySpan.Seconds()), span.Seconds()/now.Sub(p.base).Seconds())
	p.perSecond += weight * (recent - p.perSecond)
	p.last, p.done = now, done
}

// left is the time that a number of further counts takes; false while unknown.
func (p *pace) left(more int) (time.Duration, bool) {
	if p.perSecond <= 0 || more <= 0 {
		return 0, false
	}
	return time.Duration(float64(more) / p.perSecond * float64(time.Second)), true
}
