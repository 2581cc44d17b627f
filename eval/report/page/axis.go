package page

import (
	"math"
	"strconv"
	"strings"
)

// axis maps values to [0, 1].
type axis struct {
	label  string
	lo, hi float64 // hi > lo; > 0 if log
	log    bool
	step   float64 // of the ticks of a linear axis
}

// newAxis spans the finite values given. A linear axis starts at 0 if the
// values allow, for a difference should look as large as it is; one over two
// decades or more of positive values is logarithmic where wanted and where the powers of
// ten around them are float64 values.
func newAxis(label string, mayLog bool, values ...float64) axis {
	lo, hi, positive := math.Inf(1), math.Inf(-1), true
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			lo, hi, positive = min(lo, v), max(hi, v), positive && v > 0
		}
	}
	if lo > hi {
		return unitAxis(label)
	}
	if mayLog && positive && hi/lo > 100 && lo > 1e-300 && hi < 1e300 {
		return axis{label: label, log: true, lo: math.Pow(10, math.Floor(math.Log10(lo))), hi: math.Pow(10, math.Ceil(math.Log10(hi)))}
	}
	a := axis{label: label, lo: min(lo, 0), hi: max(hi, 0)}
	if a.hi == a.lo {
		a.hi = a.lo + 1
	}
	a.step = tickStep(a.hi - a.lo)
	a.lo, a.hi = math.Floor(a.lo/a.step)*a.step, math.Ceil(a.hi/a.step-1e-9)*a.step
	return a
}

// unitAxis goes from 0 to 1.
func unitAxis(label string) axis { return axis{label: label, hi: 1, step: 0.25} }

// at is the position of a value, 0 at lo and 1 at hi; NaN if it has none.
func (a axis) at(v float64) float64 {
	if a.log {
		return (math.Log(v) - math.Log(a.lo)) / (math.Log(a.hi) - math.Log(a.lo)) // quotients of values may overflow
	}
	return (v - a.lo) / (a.hi - a.lo)
}

// tickStep is the distance of ticks over a length: 1, 2, 2.5 or 5 times a power
// of ten, for three to six ticks.
func tickStep(length float64) float64 {
	raw := length / 4
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, f := range []float64{1, 2, 2.5, 5} {
		if f*power >= raw*0.999 {
			return f * power
		}
	}
	return 10 * power
}

// ticks are the values to be labelled.
func (a axis) ticks() []float64 {
	var ticks []float64
	if a.log {
		first, last := int(math.Round(math.Log10(a.lo))), int(math.Round(math.Log10(a.hi)))
		decades := last - first
		every := (decades + 4) / 5
		for d := 0; d <= decades; d += every {
			ticks = append(ticks, math.Pow(10, float64(first+d)))
		}
		return ticks
	}
	for i := math.Ceil(a.lo/a.step - 1e-9); i*a.step <= a.hi+1e-9*a.step; i++ {
		ticks = append(ticks, i*a.step+0) // no -0
	}
	return ticks
}

// tickLabel writes a tick: plain from 0.001 to 99 999, otherwise as a power of ten.
func tickLabel(v float64) string {
	size := math.Abs(v)
	if v == 0 {
		return "0"
	}
	if size >= 1e-3 && size < 1e7 {
		text := strconv.FormatFloat(v, 'g', 7, 64)
		if size >= 1e4 {
			text = grouped(strconv.FormatFloat(v, 'f', 0, 64))
		}
		return strings.Replace(text, "-", "\u2212", 1)
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, 64), "e")
	if len(mantissa) > 4 { // 5.000000001
		mantissa, exponent, _ = strings.Cut(strconv.FormatFloat(v, 'e', 1, 64), "e")
	}
	power, _ := strconv.Atoi(exponent)
	text := "10" + superscript.Replace(strconv.Itoa(power))
	if mantissa = strings.TrimSuffix(mantissa, ".0"); mantissa != "1" {
		text = mantissa + "×" + text
	}
	return strings.Replace(text, "-", "\u2212", 1)
}

var superscript = strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴",
	"5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹")
