package ap

import (
	"cmp"
	"slices"
	"sort"
)

// ClassResult is the AP of one class; -1 where it has no truth that counts.
type ClassResult struct {
	ID   int     `json:"id"`
	Name string  `json:"name"`
	AP   float64 `json:"ap"`
}

// Result holds the 12 figures that pycocotools' summarize prints, as fractions,
// and the AP of each class. A figure without any truth that counts is -1. Its
// JSON form is the one that cmd/score and cmd/eval write.
type Result struct {
	AP       float64       `json:"AP"`
	AP50     float64       `json:"AP50"`
	AP75     float64       `json:"AP75"`
	APs      float64       `json:"APs"`
	APm      float64       `json:"APm"`
	APl      float64       `json:"APl"`
	AR1      float64       `json:"AR1"`
	AR10     float64       `json:"AR10"`
	AR100    float64       `json:"AR100"`
	ARs      float64       `json:"ARs"`
	ARm      float64       `json:"ARm"`
	ARl      float64       `json:"ARl"`
	PerClass []ClassResult `json:"per_class"` // in order of the class table
}

// Positions among the IoU thresholds.
const at50, at75 = 0, 5

// Result accumulates the statistics over the evaluator's classes.
//
// Source: COCOeval.accumulate and summarize, cocoapi at 8c9bcc3c.
func (e *Evaluator) Result(s *Stats) Result {
	byClass := map[int][]ClassStat{}
	for _, img := range s.Images() {
		for _, c := range img.Classes {
			byClass[c.Category] = append(byClass[c.Category], c)
		}
	}
	var r Result
	var means [4]mean // of precision, by size range
	var mean50, mean75 mean
	var recalls [3][4]mean
	for _, class := range e.classes {
		p := e.accumulate(byClass[class.ID])
		of := mean{}
		for r := range sizeRanges {
			if p.positives[r] == 0 {
				continue
			}
			for k := range numIoUs {
				means[r].add(p.precision[r][k][:]...)
			}
			for m := range detectionLimits {
				recalls[m][r].add(p.recall[m][r][:]...)
			}
		}
		if p.positives[0] > 0 {
			for k := range numIoUs {
				of.add(p.precision[0][k][:]...)
			}
			mean50.add(p.precision[0][at50][:]...)
			mean75.add(p.precision[0][at75][:]...)
		}
		r.PerClass = append(r.PerClass, ClassResult{class.ID, class.Name, of.value()})
	}
	r.AP, r.AP50, r.AP75 = means[0].value(), mean50.value(), mean75.value()
	r.APs, r.APm, r.APl = means[1].value(), means[2].value(), means[3].value()
	r.AR1, r.AR10, r.AR100 = recalls[0][0].value(), recalls[1][0].value(), recalls[2][0].value()
	r.ARs, r.ARm, r.ARl = recalls[2][1].value(), recalls[2][2].value(), recalls[2][3].value()
	return r
}

// detectionLimits are the detections of an image and category that recall counts.
var detectionLimits = [3]int{1, 10, maxDets}

// curves are one class's results, by size range and IoU threshold.
type curves struct {
	positives [4]int
	precision [4][numIoUs][101]float64 // at the recall thresholds
	recall    [3][4][numIoUs]float64   // by detection limit
}

func (e *Evaluator) accumulate(images []ClassStat) curves {
	var c curves
	var all []DetectionStat
	for _, img := range images {
		for r, n := range img.Positives {
			c.positives[r] += n
		}
		all = append(all, img.Detections...)
	}
	slices.SortStableFunc(all, func(a, b DetectionStat) int { return cmp.Compare(b.Score, a.Score) })
	recall, precision := make([]float64, len(all)), make([]float64, len(all))
	for r, positives := range c.positives {
		if positives == 0 {
			continue
		}
		for k := range numIoUs {
			curve(all, r, k, float64(positives), recall, precision)
			e.interpolate(recall, precision, &c.precision[r][k])
			for m, limit := range detectionLimits {
				c.recall[m][r][k] = float64(truePositives(images, limit, r, k)) / float64(positives)
			}
		}
	}
	return c
}

func truePositives(images []ClassStat, limit, r, k int) int {
	n := 0
	for _, img := range images {
		for _, d := range img.Detections[:min(limit, len(img.Detections))] {
			if d.Matched[r].has(k) && !d.Ignored[r].has(k) {
				n++
			}
		}
	}
	return n
}

// curve fills in recall and precision after each detection.
func curve(sorted []DetectionStat, r, k int, positives float64, recall, precision []float64) {
	const epsilon = 0x1p-52
	tp, fp := 0., 0.
	for i := range sorted {
		d := &sorted[i]
		if !d.Ignored[r].has(k) {
			if d.Matched[r].has(k) {
				tp++
			} else {
				fp++
			}
		}
		recall[i] = tp / positives
		precision[i] = tp / (fp + tp + epsilon)
	}
}

// interpolate gives at each recall threshold the greatest precision at that
// recall or beyond, 0 past the greatest recall. It overwrites precision.
func (e *Evaluator) interpolate(recall, precision []float64, out *[101]float64) {
	for i := len(precision) - 1; i > 0; i-- {
		precision[i-1] = max(precision[i-1], precision[i])
	}
	for i, threshold := range e.recalls {
		if at := sort.SearchFloat64s(recall, threshold); at < len(precision) {
			out[i] = precision[at]
		}
	}
}

// mean sums as it goes.
type mean struct {
	sum float64
	n   int
}

func (m *mean) add(values ...float64) {
	for _, v := range values {
		m.sum += v
	}
	m.n += len(values)
}

func (m mean) value() float64 {
	if m.n == 0 {
		return -1
	}
	return m.sum / float64(m.n)
}
