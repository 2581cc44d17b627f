package page

// calibrationCharts has one chart per run: on the diagonal, scores equal the masks'
// quality.
func calibrationCharts(runs []Run) []chart {
	var charts []chart
	for i, r := range runs {
		if r.Calibration == nil {
			continue
		}
		s := series{ink: ofRun(i), dots: true}
		for _, bin := range r.Calibration.Bins {
			if bin.Count.Value > 0 {
				s.points = append(s.points, point{x: bin.MeanScore.Value, y: bin.MeanIoU.Value, weight: bin.Count.Value})
			}
		}
		c := chart{name: "calibration", title: "Mean IoU", of: "by score; areas of dots: " + r.Calibration.Unit, diagonal: true,
			x: unitAxis("score"), y: unitAxis(""), series: []series{s}}
		if len(runs) > 1 {
			c.name, c.of = runFile("calibration", i, r), r.Name+"; "+c.of
		}
		charts = append(charts, c)
	}
	return charts
}
