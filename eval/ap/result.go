package ap

// ClassResult is the AP of one class; -1 if it has no truth that counts.
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
func (e *Evaluator) Result(s *Stats) Result { return e.Collect(s.Images()).Result(nil) }

// Result is [Evaluator.Result] of images that count weights[i] times each, as in
// a resample of a data set; nil counts each once. Of equal scores in an image all
// copies of the first come before the second. It is safe for concurrent use.
func (c *Collected) Result(weights []int) Result {
	var r Result
	var means [4]mean // of precision, by size range
	var mean50, mean75 mean
	var recalls [3][4]mean
	for i, class := range c.evaluator.classes {
		p := c.classes[i].accumulate(weights, &c.evaluator.recalls)
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

// mean is a running mean.
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
