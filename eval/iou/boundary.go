package iou

import "math"

// boundaryRatio is the width of a boundary in image diagonals.
const boundaryRatio = 0.02

// Band is an image's contribution to the Boundary IoU of one class: pixels of the
// class that are near its contour.
type Band struct {
	Class int `json:"class"`
	Truth int `json:"truth"`
	Pred  int `json:"pred"`
	Both  int `json:"both"`
}

// BoundaryResult is the Boundary IoU (Cheng et al., CVPR 2021) over all images:
// the IoU of the pixels of a class within 2 % of the image's diagonal of its
// contour, in ground truth and prediction. The image's border is a contour.
// Pixels that ground truth ignores count in neither.
type BoundaryResult struct {
	MIoU     float64         `json:"mIoU"` // by the evaluator's rule for absent classes
	PerClass []BoundaryClass `json:"per_class"`
}

// BoundaryClass is the Boundary IoU of one class.
type BoundaryClass struct {
	ID   int     `json:"id"`
	Name string  `json:"name"`
	IoU  float64 `json:"iou"`
}

// bands counts the pixels near contours of an image whose labels are all known.
func (e *Evaluator) bands(img Image) []Band {
	w, h := img.Truth.W, img.Truth.H
	distance := max(1, int(math.RoundToEven(boundaryRatio*math.Sqrt(float64(w)*float64(w)+float64(h)*float64(h)))))
	truth, pred := classesOf(img.Truth.Pix, &e.truth), classesOf(img.Pred.Pix, &e.pred)
	innerTruth, innerPred := inner(truth, w, h, distance), inner(pred, w, h, distance)
	counts := make([]Band, len(e.classes))
	for i, t := range truth {
		p := pred[i]
		if t == NoClass {
			continue
		}
		if !innerTruth[i] {
			counts[t].Truth++
		}
		if p == NoClass || innerPred[i] {
			continue
		}
		counts[p].Pred++
		if t == p && !innerTruth[i] {
			counts[t].Both++
		}
	}
	var bands []Band
	for class, b := range counts {
		if b.Truth+b.Pred > 0 {
			b.Class = class
			bands = append(bands, b)
		}
	}
	return bands
}

func classesOf(labels []uint16, table *[1 << 16]int16) []int16 {
	classes := make([]int16, len(labels))
	for i, l := range labels {
		classes[i] = table[l]
	}
	return classes
}

// inner marks the pixels whose surrounding square, d pixels to each side, lies in the
// image and has a single class.
func inner(classes []int16, w, h, d int) []bool {
	out := make([]bool, w*h)
	level := make([]bool, w)  // pixels of the row with d of their class on both sides
	length := make([]int, w)  // of the stretch of level pixels of one class that ends in the row
	previous := classes[:0:0] // row
	for y := range h {
		row := classes[y*w:][:w]
		for begin := 0; begin < w; {
			end := begin + 1
			for end < w && row[end] == row[begin] {
				end++
			}
			for x := begin; x < end; x++ {
				level[x] = x-begin >= d && end-1-x >= d
			}
			begin = end
		}
		for x := range row {
			switch {
			case !level[x]:
				length[x] = 0
			case y > 0 && previous[x] == row[x]:
				length[x]++
			default:
				length[x] = 1
			}
			if length[x] > 2*d {
				out[(y-d)*w+x] = true
			}
		}
		previous = row
	}
	return out
}

// boundary computes the figures; nil if no image has bands.
func (e *Evaluator) boundary(images []ImageStat, weights []int) *BoundaryResult {
	sums, any := make([]Band, len(e.classes)), false
	for i, img := range images {
		weight := 1
		if weights != nil {
			weight = weights[i]
		}
		for _, b := range img.Bands {
			s := &sums[b.Class]
			s.Truth, s.Pred, s.Both = s.Truth+weight*b.Truth, s.Pred+weight*b.Pred, s.Both+weight*b.Both
			any = true
		}
	}
	if !any {
		return nil
	}
	r := &BoundaryResult{}
	sum, present := 0., 0.
	for i, class := range e.classes {
		c := BoundaryClass{ID: class.ID, Name: class.Name}
		if union := sums[i].Truth + sums[i].Pred - sums[i].Both; union > 0 {
			c.IoU = float64(sums[i].Both) / float64(union)
			present++
		}
		sum += c.IoU
		r.PerClass = append(r.PerClass, c)
	}
	if e.absent == AbsentZero {
		present = float64(len(e.classes))
	}
	r.MIoU = ratio(sum, present)
	return r
}
