package iou

// ClassResult is one class over all images, as fractions.
type ClassResult struct {
	ID       int     `json:"id"`
	Name     string  `json:"name"`
	IoU      float64 `json:"iou"`
	Accuracy float64 `json:"accuracy"` // of its ground-truth pixels
	Present  bool    `json:"present"`  // in ground truth or prediction
}

// Result holds the figures over all images, as fractions. Its JSON form is the
// one that cmd/score and cmd/eval write.
type Result struct {
	MIoU          float64       `json:"mIoU"`         // by the evaluator's rule for absent classes
	MIoUPresent   float64       `json:"mIoU_present"` // over present classes
	PixelAccuracy float64       `json:"pixel_accuracy"`
	MeanAccuracy  float64       `json:"mean_accuracy"`          // over classes with ground truth
	WeightedIoU   float64       `json:"frequency_weighted_iou"` // by ground-truth pixels
	PerClass      []ClassResult `json:"per_class"`              // in order of the class table

	Boundary *BoundaryResult `json:"boundary,omitempty"` // where [Evaluator.Boundaries] was asked for
}

// Result computes the figures. Means over nothing are 0.
func (e *Evaluator) Result(s *Stats) Result { return e.Weighted(s.Images(), nil) }

// Weighted is [Evaluator.Result] of images that count weights[i] times each, as
// in a resample of a data set; nil counts each once.
func (e *Evaluator) Weighted(images []ImageStat, weights []int) Result {
	confusion := e.confusion(images, weights)
	classes := len(e.classes)
	hit, truth, pred := make([]float64, classes), make([]float64, classes), make([]float64, classes)
	for t, row := range confusion {
		for p, n := range row {
			truth[t] += float64(n)
			if p < classes {
				pred[p] += float64(n)
			}
		}
		hit[t] = float64(row[t])
	}
	var r Result
	var pixels, hits, present, inTruth, sumIoU, sumAccuracy, weighted float64
	for i, class := range e.classes {
		c := ClassResult{ID: class.ID, Name: class.Name}
		if union := truth[i] + pred[i] - hit[i]; union > 0 {
			c.IoU, c.Present = hit[i]/union, true
			present++
		}
		if truth[i] > 0 {
			c.Accuracy = hit[i] / truth[i]
			inTruth++
		}
		sumIoU += c.IoU
		sumAccuracy += c.Accuracy
		weighted += c.IoU * truth[i]
		pixels += truth[i]
		hits += hit[i]
		r.PerClass = append(r.PerClass, c)
	}
	r.MIoUPresent = ratio(sumIoU, present)
	if r.MIoU = r.MIoUPresent; e.absent == AbsentZero {
		r.MIoU = ratio(sumIoU, float64(classes))
	}
	r.PixelAccuracy = ratio(hits, pixels)
	r.MeanAccuracy = ratio(sumAccuracy, inTruth)
	r.WeightedIoU = ratio(weighted, pixels)
	r.Boundary = e.boundary(images, weights)
	return r
}

func ratio(sum, n float64) float64 {
	if n == 0 {
		return 0
	}
	return sum / n
}

// Confusion returns the pixels of each ground-truth class (row) predicted as
// each class (column); the last column counts predictions of no class.
func (e *Evaluator) Confusion(s *Stats) [][]int { return e.confusion(s.Images(), nil) }

func (e *Evaluator) confusion(images []ImageStat, weights []int) [][]int {
	confusion := make([][]int, len(e.classes))
	for t := range confusion {
		confusion[t] = make([]int, len(e.classes)+1)
	}
	for i, img := range images {
		weight := 1
		if weights != nil {
			weight = weights[i]
		}
		for _, c := range img.Cells {
			column := c.Pred
			if column == NoClass {
				column = len(e.classes)
			}
			confusion[c.Truth][column] += weight * c.Pixels
		}
	}
	return confusion
}
