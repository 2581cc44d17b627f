package ap

import (
	"fmt"
	"math"
	"slices"

	"eomt/data"
	"eomt/data/rle"
)

// Truth is an annotated object.
type Truth struct {
	// ID is the annotation's id; with [Exact], a detection matched to id 0 counts
	// as unmatched, as in pycocotools. An image's ids need not be unique.
	ID       int64
	Category int
	Crowd    bool
	Area     float64 // in pixels, as the file states it; not used by [Upstream]
	Mask     rle.Mask
}

// Detection is a predicted object.
type Detection struct {
	Category int
	Score    float64
	// Area decides the size range of a detection without a match: pixels of the
	// mask, or of the box where a results file has boxes.
	Area float64
	Mask rle.Mask
}

// Image is one image to score. All masks have one size.
type Image struct {
	ID         int64
	Truths     []Truth
	Detections []Detection // in the order of the file: it breaks ties of scores
}

// Rule selects how areas and thresholds are computed.
type Rule int

const (
	// Exact is pycocotools' COCOeval (cocoapi at 8c9bcc3c), iouType "segm".
	Exact Rule = iota
	// Upstream is torchmetrics 1.7.1's MeanAveragePrecision as tue-mps/eomt at
	// 7bd19dd feeds it: thresholds and scores in float32, areas of truths from
	// their masks, images without truths not evaluated. (Its limit of 100
	// detections per image and its scores belong to inference.)
	Upstream
	// Boundary is Exact with Boundary IoU (Cheng et al., CVPR 2021) where it is
	// lower than the IoU of the masks, crowds excepted: boundary-iou-api at
	// 37d25586.
	Boundary
)

// boundaryRatio is the width of a boundary in image diagonals.
const boundaryRatio = 0.02

const (
	numIoUs = 10
	maxDets = 100 // per image and category
)

// sizeRanges are all, small, medium and large: least and greatest area.
var sizeRanges = [4][2]float64{{0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}}

// Evaluator scores images of one class table. It is safe for concurrent use.
type Evaluator struct {
	rule    Rule
	classes []data.Class
	known   map[int]bool // category ids
	ious    [numIoUs]float64
	recalls [101]float64
}

// New returns an evaluator. It is an error if two classes share an id.
func New(rule Rule, classes []data.Class) (*Evaluator, error) {
	e := &Evaluator{rule: rule, classes: classes, known: make(map[int]bool, len(classes))}
	for _, c := range classes {
		if e.known[c.ID] {
			return nil, fmt.Errorf("ap: class table: duplicate id %d (%s)", c.ID, c.Name)
		}
		e.known[c.ID] = true
	}
	linspace := linspace64
	if rule == Upstream {
		linspace = linspace32
	}
	linspace(e.ious[:], .5, .95)
	linspace(e.recalls[:], 0, 1)
	return e, nil
}

// linspace64 fills x as numpy.linspace does.
func linspace64(x []float64, start, stop float64) {
	step := (stop - start) / float64(len(x)-1)
	for i := range x {
		x[i] = start + float64(float64(i)*step)
	}
	x[len(x)-1] = stop
}

// linspace32 fills x as torch.linspace does, from both ends and with products
// that are not rounded before the sum.
func linspace32(x []float64, start, stop float64) {
	first, last := float32(start), float32(stop)
	step := float64((last - first) / float32(len(x)-1))
	for i := range x {
		if i < len(x)/2 {
			x[i] = float64(float32(float64(first) + step*float64(i)))
		} else {
			x[i] = float64(float32(float64(last) - step*float64(len(x)-1-i)))
		}
	}
}

// Image matches the detections of one image. It is an error, naming the image,
// if a category is unknown, a score or area is not a number, or the masks differ
// in size.
//
// Differs: pycocotools silently skips unknown categories and sorts NaN scores
// arbitrarily.
func (e *Evaluator) Image(img Image) (ImageStat, error) {
	stat := ImageStat{Image: img.ID}
	if err := e.check(img); err != nil {
		return stat, fmt.Errorf("ap: image %d: %w", img.ID, err)
	}
	if e.rule == Upstream {
		if len(img.Truths) == 0 {
			return stat, nil
		}
		img = upstream(img)
	}
	truths, detections := map[int][]Truth{}, map[int][]Detection{}
	var categories []int
	for _, t := range img.Truths {
		truths[t.Category] = append(truths[t.Category], t)
		categories = append(categories, t.Category)
	}
	for _, d := range img.Detections {
		detections[d.Category] = append(detections[d.Category], d)
		categories = append(categories, d.Category)
	}
	slices.Sort(categories)
	for _, c := range slices.Compact(categories) {
		stat.Classes = append(stat.Classes, e.match(c, truths[c], detections[c]))
	}
	return stat, nil
}

func (e *Evaluator) check(img Image) error {
	var size rle.Mask
	checkMask := func(m rle.Mask) error {
		if size.Counts == nil {
			size = m
		}
		if m.H != size.H || m.W != size.W {
			return fmt.Errorf("mask is %d x %d pixels, want %d x %d", m.W, m.H, size.W, size.H)
		}
		return nil
	}
	for _, t := range img.Truths {
		if !e.known[t.Category] {
			return fmt.Errorf("annotation %d: unknown category %d", t.ID, t.Category)
		}
		if math.IsNaN(t.Area) {
			return fmt.Errorf("annotation %d: area is not a number", t.ID)
		}
		if err := checkMask(t.Mask); err != nil {
			return fmt.Errorf("annotation %d: %w", t.ID, err)
		}
	}
	for i, d := range img.Detections {
		if !e.known[d.Category] {
			return fmt.Errorf("detection %d: unknown category %d", i, d.Category)
		}
		if math.IsNaN(d.Score) || math.IsInf(d.Score, 0) || math.IsNaN(d.Area) {
			return fmt.Errorf("detection %d: score %v, area %v, want finite numbers", i, d.Score, d.Area)
		}
		if err := checkMask(d.Mask); err != nil {
			return fmt.Errorf("detection %d: %w", i, err)
		}
	}
	return nil
}

// upstream rounds the scores and takes all areas from the masks.
func upstream(img Image) Image {
	img.Truths, img.Detections = slices.Clone(img.Truths), slices.Clone(img.Detections)
	for i := range img.Truths {
		t := &img.Truths[i]
		t.ID, t.Area = int64(i+1), float64(t.Mask.Area())
	}
	for i := range img.Detections {
		d := &img.Detections[i]
		d.Score, d.Area = float64(float32(d.Score)), float64(d.Mask.Area())
	}
	return img
}
