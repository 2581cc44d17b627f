package report

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"eomt/eval"
)

// Metrics that are not figures of a core.
const (
	ImageMetric       = "image"             // an image's headline; the class is its name
	ConfusionMetric   = "confusion"         // share of a class that is predicted as another
	CalibrationCount  = "calibration_count" // predictions of a bin of scores; the class is its lower end
	CalibrationScore  = "calibration_score" // their mean score
	CalibrationIoU    = "calibration_iou"   // their mean IoU
	CalibrationError  = "calibration_error" // mean |score - IoU| of bins, weighted by counts
	nothing           = "nothing"           // truth or prediction without a counterpart
	calibrationBins   = 10
	examplesOfOneKind = 4
)

// Bins are the lower ends of calibration's bins of scores, each 0.1 wide, as its
// numbers' classes name them.
func Bins() []string {
	bins := make([]string, calibrationBins)
	for i := range bins {
		bins[i] = strconv.FormatFloat(float64(i)/calibrationBins, 'f', 1, 64)
	}
	return bins
}

// Calibrated reports whether a task's predictions have scores to be compared with
// their IoU. A pixel's class has none.
func (i Info) Calibrated() bool { return i.Task != eval.Semantic }

// calibration compares scores with IoUs.
func (r *Run) calibration() []Number {
	if !r.Calibrated() {
		return nil
	}
	var count, score, iou [calibrationBins]float64
	for _, img := range r.Images {
		for _, f := range img.Found {
			b := min(max(int(f.Score*calibrationBins), 0), calibrationBins-1)
			count[b]++
			score[b] += f.Score
			iou[b] += f.IoU
		}
	}
	var numbers []Number
	total, distance := 0., 0.
	for b, class := range Bins() {
		n := count[b]
		numbers = append(numbers, r.number(CalibrationCount, class, Count, n),
			r.number(CalibrationScore, class, Decimal, defined(score[b]/n, n > 0)),
			r.number(CalibrationIoU, class, Decimal, defined(iou[b]/n, n > 0)))
		total += n
		distance += math.Abs(score[b] - iou[b])
	}
	return append(numbers, r.number(CalibrationError, "", Decimal, defined(distance/total, total > 0)))
}

// ConfusionNames are the names of rows (truth) and columns (prediction): the
// classes, and "nothing" for what has no counterpart.
func (i Info) ConfusionNames() (truth, pred []string) {
	truth = i.labels()
	pred = i.labels()
	if i.Task != eval.Semantic {
		truth, pred = append(truth, nothing), append(pred, nothing)
	}
	return truth, pred
}

// ConfusionUnit is what the confusion counts.
func (i Info) ConfusionUnit() string {
	switch i.Task {
	case eval.Panoptic:
		return "segments"
	case eval.Instance:
		return "instances"
	}
	return "pixels"
}

// Confusion counts pixels, or segments that cover the same pixels, by true class (row)
// and predicted class (column), named by [Info.ConfusionNames].
func (r *Run) Confusion() [][]int {
	truth, pred := r.ConfusionNames()
	counts := make([][]int, len(truth))
	for t := range counts {
		counts[t] = make([]int, len(pred))
	}
	for _, img := range r.Images {
		if img.Stat.Semantic != nil {
			for _, c := range img.Stat.Semantic.Cells {
				counts[c.Truth][c.Pred] += c.Pixels
			}
		}
		for _, c := range img.Confused {
			t, p := c.Truth, c.Pred
			if t == eval.NoClass {
				t = len(r.Classes)
			}
			if p == eval.NoClass {
				p = len(r.Classes)
			}
			counts[t][p] += c.Count
		}
	}
	return counts
}

// confusion is the share of each row in each of its cells.
func (r *Run) confusion() []Number {
	truth, pred := r.ConfusionNames()
	numbers := make([]Number, 0, len(truth)*len(pred))
	for t, row := range r.Confusion() {
		sum := 0
		for _, count := range row {
			sum += count
		}
		for p, count := range row {
			n := r.number(ConfusionMetric, truth[t], Fraction, defined(float64(count)/float64(sum), sum > 0))
			n.Pred = pred[p]
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// Example is an image to be shown.
type Example struct {
	Kind  string // "best", "median" or "worst"
	Image *Image
}

// Examples are the images with the greatest, median and least headline, up to four of
// each, without repetition. Images with nothing to score are excluded.
func (r *Run) Examples() []Example {
	var ranked []*Image
	for i := range r.Images {
		if !math.IsNaN(r.Images[i].Headline) {
			ranked = append(ranked, &r.Images[i])
		}
	}
	slices.SortStableFunc(ranked, func(a, b *Image) int { return cmp.Compare(b.Headline, a.Headline) })
	n := min(examplesOfOneKind, (len(ranked)+2)/3)
	var list []Example
	take := func(kind string, images []*Image) {
		for _, img := range images {
			if !slices.ContainsFunc(list, func(e Example) bool { return e.Image == img }) {
				list = append(list, Example{kind, img})
			}
		}
	}
	take("best", ranked[:n])
	middle := (len(ranked) - n) / 2
	take("median", ranked[middle:middle+n])
	worst := slices.Clone(ranked[len(ranked)-n:])
	slices.Reverse(worst)
	take("worst", worst)
	return list
}
