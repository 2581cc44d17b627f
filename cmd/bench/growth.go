package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"eomt/internal/cli"
	"eomt/internal/memory"
)

// Growth is how a work's time and temporary memory grow along an axis: as a power of
// it, fitted through the points by least squares of the logarithms.
type Growth struct {
	Axis    string   `json:"axis"`
	Points  []Result `json:"points"`
	Omitted []string `json:"omitted,omitempty"` // values that were left out, and why
	// Exponents, 0 where they are not known.
	Seconds   float64 `json:"seconds_exponent"`
	Temporary float64 `json:"temp_bytes_exponent"`
}

// axes are what a work can grow along.
var axes = []struct {
	name   string
	values []int
	set    func(o *options, value int)
	of     func(r Result) int
}{
	{"batch", []int{1, 2, 4}, func(o *options, n int) { o.batch = n }, func(r Result) int { return r.Batch }},
	{"image", []int{320, 480, 640, 960, 1280}, func(o *options, n int) { o.image = n }, func(r Result) int { return r.Image }},
	{"targets", []int{5, 10, 25, 50, 100}, func(o *options, n int) { o.targets = n }, func(r Result) int { return r.Targets }},
	{"devices", []int{1, 2, 4}, func(o *options, n int) { o.devices = n }, func(r Result) int { return r.Devices }},
	{"queries", []int{100, 200, 400}, func(o *options, n int) { o.queries = n }, func(r Result) int { return r.Queries }},
}

func axisNames() (all []string) {
	for _, a := range axes {
		all = append(all, a.name)
	}
	return all
}

func axesSummary() string {
	var text strings.Builder
	for _, a := range axes {
		fmt.Fprintf(&text, "  %-15s %s\n", a.name, strings.Trim(fmt.Sprint(a.values), "[]"))
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// axisOf is the index of an axis in axes, -1 if there is none of that name.
func axisOf(name string) int {
	for i, a := range axes {
		if a.name == name {
			return i
		}
	}
	return -1
}

func (o *options) checkGrowth() error {
	for _, name := range o.growth {
		if axisOf(name) < 0 {
			return cli.Usagef("-growth %q: expected some of %s", name, strings.Join(axisNames(), ", "))
		}
	}
	switch {
	case len(o.growth) == 0:
		return nil
	case o.paced:
		return cli.Usagef("-growth cannot be combined with -paced")
	case len(o.works) != 1 || o.works[0] == "flops" || o.works[0] == "startup":
		return cli.Usagef("-growth takes one work that runs, not %s", strings.Join(o.works, ","))
	}
	return nil
}

// longest is how many seconds a run of a point may take, as predicted.
const longest = 120

// grow measures the work along an axis.
func (o options) grow(ctx context.Context, name string) (Growth, error) {
	axis := axes[axisOf(name)]
	g := Growth{Axis: name}
	for _, value := range axis.values {
		if reason := g.tooMuch(value, memory.Available()); reason != "" {
			g.Omitted = append(g.Omitted, fmt.Sprintf("%d: %s", value, reason))
			continue
		}
		point := o
		point.growth = nil
		axis.set(&point, value)
		if err := point.check(nil); err != nil {
			g.Omitted = append(g.Omitted, fmt.Sprintf("%d: %v", value, err))
			continue
		}
		fmt.Fprintf(os.Stderr, "%s with %s %d ...\n", o.works[0], name, value)
		result, err := point.spawn(ctx, o.works[0], nil)
		if err != nil {
			return g, err
		}
		g.Points = append(g.Points, result)
		g.fit()
	}
	return g, nil
}

// tooMuch predicts from the points so far why a value should be left out.
func (g Growth) tooMuch(value int, available int64) string {
	if len(g.Points) < 2 {
		return ""
	}
	last := g.Points[len(g.Points)-1]
	ratio := float64(value) / float64(axes[axisOf(g.Axis)].of(last))
	if seconds := last.Median * math.Pow(ratio, g.Seconds); seconds > longest {
		return fmt.Sprintf("a run would take about %.0f s", seconds)
	}
	if bytes := float64(last.Temporary) * math.Pow(ratio, g.Temporary); available > 0 && bytes > float64(available) {
		return fmt.Sprintf("it would take about %s of memory", memory.Format(int64(bytes)))
	}
	return ""
}

// fit computes the exponents.
func (g *Growth) fit() {
	var along, seconds, bytes []float64
	for _, p := range g.Points {
		along = append(along, float64(axes[axisOf(g.Axis)].of(p)))
		seconds, bytes = append(seconds, p.Median), append(bytes, float64(p.Temporary))
	}
	g.Seconds, g.Temporary = exponent(along, seconds), exponent(along, bytes)
}

// exponent is b of the curve y = a x^b through points, by least squares of the
// logarithms; 0 for fewer than two points and where a y is 0.
func exponent(x, y []float64) float64 {
	var n, sx, sy, sxx, sxy float64
	for i := range x {
		if y[i] <= 0 {
			return 0
		}
		lx, ly := math.Log(x[i]), math.Log(y[i])
		n, sx, sy, sxx, sxy = n+1, sx+lx, sy+ly, sxx+lx*lx, sxy+lx*ly
	}
	if d := n*sxx - sx*sx; d > 0 {
		return (n*sxy - sx*sy) / d
	}
	return 0
}

// write prints the points and what was fitted.
func (g Growth) write(w io.Writer) {
	fmt.Fprintf(w, "\n| %s | seconds, median (range) | temporary MiB |\n|---|---|---|\n", g.Axis)
	for _, p := range g.Points {
		fmt.Fprintf(w, "| %d | %.3f (%.3f-%.3f) | %s |\n", axes[axisOf(g.Axis)].of(p), p.Median, p.Min, p.Max, scaled(float64(p.Temporary), 1<<20))
	}
	for _, text := range g.Omitted {
		fmt.Fprintf(w, "\nleft out: %s %s\n", g.Axis, text)
	}
	fmt.Fprintf(w, "\nseconds grow as %s^%.2f", g.Axis, g.Seconds)
	if g.Temporary != 0 {
		fmt.Fprintf(w, ", temporary memory as %s^%.2f", g.Axis, g.Temporary)
	}
	fmt.Fprintln(w)
}
