package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// curve is a quantity of training with one line per run.
type curve struct {
	name, title, of string
	mayLog          bool
	value           func(Step) float64
}

var oneLine = []curve{
	{"loss", "Total loss", "weighted sum of all predictions", false, func(e Step) float64 { return e.Loss }},
	{"gradient-norm", "Gradient norm", "before clipping", true, func(e Step) float64 { return e.GradientNorm }},
	{"throughput", "Images per second", "", false, func(e Step) float64 { return e.ImagesPerSec }},
	{"data-wait", "Data wait", "share of time waiting for batches", false, func(e Step) float64 { return e.DataWait }},
}

// fan is a quantity of training with several lines per run, from the first query
// block to the last prediction.
type fan struct {
	name, title, of string
	values          func(Step) []float64
	label           func(i, n int) string
}

var fans = []fan{
	{"loss-mask", "Mask loss", "by prediction", func(e Step) []float64 { return e.LossMask }, prediction},
	{"loss-dice", "Dice loss", "by prediction", func(e Step) []float64 { return e.LossDice }, prediction},
	{"loss-class", "Class loss", "by prediction", func(e Step) []float64 { return e.LossClass }, prediction},
	{"mask-probabilities", "Mask probabilities", "by query block", func(e Step) []float64 { return e.MaskProbs },
		func(i, _ int) string { return fmt.Sprintf("block %d", i+1) }},
}

func prediction(i, n int) string {
	if i == n-1 {
		return "final"
	}
	return fmt.Sprintf("query block %d", i+1)
}

// curves are the charts of what the runs logged, in groups that belong together:
// first those that compare the runs, then each quantity with a chart per run.
// The charts of a single run are one group.
func curves(r Content) [][]chart {
	runs := r.Runs
	charts := validationCharts(runs)
	if slices.ContainsFunc(runs, func(r Run) bool { return len(r.Steps) > 0 }) {
		for _, c := range oneLine {
			charts = append(charts, c.chart(runs))
			if c.name == "loss" {
				charts = append(charts, ratesChart(runs))
			}
		}
	}
	groups := [][]chart{append(charts, tradeoffCharts(r)...)}
	for _, f := range fans {
		scale := f.scale(runs)
		var group []chart
		for i, r := range runs {
			if c := f.chart(r, i, len(runs), scale); len(c.series) > 0 {
				group = append(group, c)
			}
		}
		groups = append(groups, group)
	}
	if len(runs) == 1 {
		groups = [][]chart{slices.Concat(groups...)}
	}
	return slices.DeleteFunc(groups, func(g []chart) bool { return len(g) == 0 })
}

func (c curve) chart(runs []Run) chart {
	ch := chart{name: c.name, title: c.title, of: c.of}
	for i, r := range runs {
		if len(r.Steps) == 0 {
			continue
		}
		s := series{ink: ofRun(i), points: line(r.Steps, maxPoints, c.value)}
		if len(runs) > 1 {
			s.name = r.Name
		}
		ch.series = append(ch.series, s)
	}
	ch.span(c.mayLog)
	return ch
}

// ratesChart has two lines per run.
func ratesChart(runs []Run) chart {
	c := chart{name: "learning-rates", title: "Learning rates", of: "dashed: last backbone block"}
	for i, r := range runs {
		if len(r.Steps) == 0 {
			continue
		}
		head := series{name: "head", ink: ofRun(i), points: line(r.Steps, maxPoints, func(e Step) float64 { return e.RateHead })}
		backbone := series{name: "backbone", ink: ofRun(i), dashed: true,
			points: line(r.Steps, maxPoints, func(e Step) float64 { return e.RateBackbone })}
		if len(runs) > 1 {
			head.name, backbone.name = r.Name, ""
		}
		c.series = append(c.series, backbone, head)
	}
	c.span(false)
	return c
}

// scale is one axis for all runs, so that their charts can be compared by eye.
func (f fan) scale(runs []Run) axis {
	var values []float64
	for _, r := range runs {
		for i := range f.lines(r) {
			for _, p := range f.line(r, i) {
				values = append(values, p.y)
			}
		}
	}
	return newAxis("", false, values...)
}

func (f fan) lines(r Run) int {
	n := 0
	for _, e := range r.Steps {
		n = max(n, len(f.values(e)))
	}
	return n
}

func (f fan) line(r Run, i int) []point {
	return line(r.Steps, maxFanPoints, func(e Step) float64 {
		if values := f.values(e); i < len(values) {
			return values[i]
		}
		return math.NaN()
	})
}

func (f fan) chart(r Run, at, runs int, scale axis) chart {
	c := chart{name: f.name, title: f.title, of: f.of}
	if runs > 1 {
		c.name, c.of = runFile(f.name, at, r), r.Name
	}
	n := f.lines(r)
	for i := range n {
		s := series{name: f.label(i, n), ink: ofRamp(i, n), points: f.line(r, i)}
		for k, p := range s.points { // lines of their own are enough
			s.points[k].low, s.points[k].high = p.y, p.y
		}
		c.series = append(c.series, s)
	}
	c.span(false)
	c.y = scale
	return c
}

// span makes axes for the series.
func (c *chart) span(mayLog bool) {
	var xs, ys []float64
	for _, s := range c.series {
		for _, p := range s.points {
			xs, ys = append(xs, p.x), append(ys, p.y)
			if s.spans() {
				ys = append(ys, p.low, p.high)
			}
		}
	}
	c.x, c.y = newAxis("steps", false, xs...), newAxis("", mayLog, ys...)
	if last := slices.Max(append(xs, 0)); last > 0 {
		c.x.hi = last // a line that ends where the figure does
	}
}

// line has one point per entry, thinned to `most`.
func line(steps []Step, most int, value func(Step) float64) []point {
	points := make([]point, len(steps))
	for i, e := range steps {
		v := value(e)
		if math.IsInf(v, 0) {
			v = math.NaN()
		}
		points[i] = point{x: float64(e.Step), y: v, low: v, high: v}
	}
	return thin(points, most)
}

// caption says what the curves leave out; it is empty if that is nothing.
func caption(runs []Run) string {
	var thinned, gaps []string
	for _, r := range runs {
		if n := len(r.Steps); n > maxFanPoints {
			thinned = append(thinned, fmt.Sprintf("%s %s (%d a point, %d in the charts of several lines)",
				r.Name, grouped(strconv.Itoa(n)), groupOf(n, maxPoints), groupOf(n, maxFanPoints)))
		}
		if n := notFinite(r.Steps); n > 0 {
			gaps = append(gaps, fmt.Sprintf("%s %s", r.Name, grouped(strconv.Itoa(n))))
		}
	}
	text := ""
	if thinned != nil {
		text = "A point is the mean of consecutive logged steps where there are many; shading spans their least and largest value. Logged steps: " +
			strings.Join(thinned, ", ") + ". "
	}
	if gaps != nil {
		text += "Logged steps with a value that is not finite, which is left out and shows as a gap: " + strings.Join(gaps, ", ") + "."
	}
	return text
}

func notFinite(steps []Step) int {
	count := 0
	for _, e := range steps {
		values := slices.Concat([]float64{e.Loss, e.GradientNorm, e.ImagesPerSec, e.DataWait, e.RateHead, e.RateBackbone},
			e.LossMask, e.LossDice, e.LossClass, e.MaskProbs)
		if slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
			count++
		}
	}
	return count
}

// runFile names a figure of the i-th of several runs. The number keeps names
// apart that differ in letters which files do without.
func runFile(figure string, i int, r Run) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, r.Name)
	return fmt.Sprintf("%s-%d-%s", figure, i+1, name)
}
