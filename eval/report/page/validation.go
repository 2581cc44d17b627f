package page

import "slices"

// validationCharts show the metrics validated during training over its steps: those
// of a single run, or the first of each of several. There is none unless a run was
// validated at least twice.
func validationCharts(runs []Run) []chart {
	if !slices.ContainsFunc(runs, func(r Run) bool { return len(r.Validations) > 1 }) {
		return nil
	}
	c := chart{name: "validation", of: "of the validation split, percent"}
	for i, r := range runs {
		if len(r.Validations) == 0 {
			continue
		}
		metrics := r.Validations[0].Metrics
		if len(runs) > 1 {
			metrics = metrics[:1]
		}
		for k, m := range metrics {
			if c.title == "" {
				c.title = m.Name
			}
			s := series{name: m.Name, ink: ofRun(i + k), dashed: k > 0, points: r.over(k)}
			if len(runs) > 1 {
				s.name = r.Name
			}
			c.series = append(c.series, s)
		}
	}
	c.span(false)
	return []chart{c}
}

// over is a validated metric over steps, in percent.
func (r Run) over(metric int) []point {
	var points []point
	for _, v := range r.Validations {
		if metric < len(v.Metrics) {
			y := 100 * v.Metrics[metric].Value
			points = append(points, point{x: float64(v.Step), y: y, low: y, high: y})
		}
	}
	return thin(points, maxPoints)
}
