package page

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// strip is a line of dots with their intervals on a common scale.
type strip struct {
	lo, hi float64
	dots   []stripDot
}

type stripDot struct {
	value, low, high float64 // low and high NaN without an interval
	run              int
}

// figureStrip shows shares from 0 to 1.
func figureStrip(cells []*Figure) *strip {
	s := &strip{hi: 1}
	for i, f := range cells {
		if f == nil || !f.Value.finite() || f.Value.Form != Percent {
			continue
		}
		s.add(f.Value, f.Low, f.High, i)
	}
	if len(s.dots) == 0 {
		return nil
	}
	return s
}

func (s *strip) add(value, low, high Number, run int) {
	d := stripDot{value.Value, math.NaN(), math.NaN(), run}
	if low.finite() && high.finite() {
		d.low, d.high = low.Value, high.Value
	}
	s.dots = append(s.dots, d)
}

const stripWidth = 124.0

// SVG draws the strip. It repeats numbers printed next to it, so it is hidden from
// screen readers.
func (s strip) SVG() template.HTML {
	height := 8 + 8*float64(len(s.dots))
	at := func(v float64) float64 { return 5 + (v-s.lo)/(s.hi-s.lo)*(stripWidth-10) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="strip" viewBox="0 0 %g %g" width="%g" height="%g" aria-hidden="true"><path class="grid" d="M5 %.1fH%g"/>`,
		stripWidth, height, stripWidth, height, height/2, stripWidth-5)
	for _, t := range []float64{s.lo, (s.lo + s.hi) / 2, s.hi} {
		fmt.Fprintf(&b, `<path class="grid" d="M%.1f 0v%g"/>`, at(t), height)
	}
	for i, d := range s.dots {
		y := 8 + 8*float64(i)
		if !math.IsNaN(d.low) {
			fmt.Fprintf(&b, `<path %s d="M%.2f %gH%.2f"/>`, ofRun(d.run).attributes("whisker"), at(d.low), y, at(d.high))
		}
		fmt.Fprintf(&b, `<circle %s cx="%.2f" cy="%g" r="3"/>`, ofRun(d.run).attributes("mark"), at(d.value), y)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}
