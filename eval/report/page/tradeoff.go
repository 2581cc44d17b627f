package page

import (
	"math"
	"slices"
	"strings"
)

// tradeoffCharts show the primary metric of several runs against the speed of their
// training. Runs that differ by their seed only share an ink and a name. There is none
// unless at least two runs logged their speed, all on one machine.
func tradeoffCharts(r Content) []chart {
	c := chart{name: "tradeoff", of: "percent, against images per second of training"}
	machine, ink := "", map[string]int{} // by a run's first sibling
	drawn := 0
	for _, run := range r.Runs {
		speed := medianSpeed(run.Steps)
		if len(run.Headline) == 0 || !run.Headline[0].Value.finite() || math.IsNaN(speed) {
			continue
		}
		if drawn++; drawn == 1 {
			machine, c.title = run.machine(), run.Headline[0].Name
		}
		if run.machine() != machine {
			return nil
		}
		group := siblings(r.Seeds, run.Name)
		at, known := ink[group[0]]
		if !known {
			at = len(c.series)
			ink[group[0]] = at
			c.series = append(c.series, series{name: commonName(group), ink: ofRun(at), dots: true})
		}
		y := 100 * run.Headline[0].Value.Value
		c.series[at].points = append(c.series[at].points, point{x: speed, y: y, low: y, high: y})
	}
	if drawn < 2 {
		return nil
	}
	var speeds, values []float64
	for _, s := range c.series {
		for _, p := range s.points {
			speeds, values = append(speeds, p.x), append(values, p.y)
		}
	}
	c.x, c.y = newAxis("images/s", false, speeds...), newAxis("", false, values...)
	return []chart{c}
}

// medianSpeed is the median of the logged rates, images per second, without the first,
// which includes compilation, where there are more. NaN if there is none.
func medianSpeed(steps []Step) float64 {
	if len(steps) > 1 {
		steps = steps[1:]
	}
	var rates []float64
	for _, s := range steps {
		if s.ImagesPerSec > 0 && !math.IsInf(s.ImagesPerSec, 0) {
			rates = append(rates, s.ImagesPerSec)
		}
	}
	if len(rates) == 0 {
		return math.NaN()
	}
	slices.Sort(rates)
	return (rates[(len(rates)-1)/2] + rates[len(rates)/2]) / 2
}

// machine is what the run's costs say of the machine and its devices.
func (r Run) machine() string {
	text := ""
	for _, f := range r.Costs {
		if f.Name == "machine" || f.Name == "devices" {
			text += f.Value + "\n"
		}
	}
	return text
}

// siblings are the runs that differ from a run by their seed only, itself included.
func siblings(seeds []Spread, name string) []string {
	for _, s := range seeds {
		if slices.Contains(s.Runs, name) {
			return s.Runs
		}
	}
	return []string{name}
}

// commonName is what names of runs have in common at their beginning, without what
// leads to a seed's number.
func commonName(names []string) string {
	common := names[0]
	for _, name := range names[1:] {
		for !strings.HasPrefix(name, common) {
			common = common[:len(common)-1]
		}
	}
	if len(names) > 1 {
		common = strings.TrimRight(strings.TrimSuffix(strings.TrimRight(common, "-_/. "), "seed"), "-_/. ")
	}
	if common == "" {
		return names[0]
	}
	return common
}
