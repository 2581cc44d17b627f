package ap

import (
	"cmp"
	"math/bits"
	"slices"
	"sort"
)

// Collected holds the statistics of images by class, with detections sorted once for
// the figures of any number of resamples.
type Collected struct {
	evaluator *Evaluator
	classes   []collected // in order of the class table
}

// collected is one class.
type collected struct {
	images     []ClassStat
	numbers    []int32  // of images among all images
	detections []sorted // by descending score; of equals, those of the earlier image first
}

// sorted is a detection and the number of its image.
type sorted struct {
	*DetectionStat
	image int32
}

// Collect sorts the detections of images; ties of scores are broken by image order.
func (e *Evaluator) Collect(images []ImageStat) *Collected {
	c := &Collected{evaluator: e, classes: make([]collected, len(e.classes))}
	position := make(map[int]int, len(e.classes))
	for i, class := range e.classes {
		position[class.ID] = i
	}
	for n, img := range images {
		for _, stat := range img.Classes {
			i, known := position[stat.Category]
			if !known {
				continue
			}
			of := &c.classes[i]
			of.images, of.numbers = append(of.images, stat), append(of.numbers, int32(n))
			for d := range stat.Detections {
				of.detections = append(of.detections, sorted{&stat.Detections[d], int32(n)})
			}
		}
	}
	for i := range c.classes {
		slices.SortStableFunc(c.classes[i].detections, func(a, b sorted) int { return cmp.Compare(b.Score, a.Score) })
	}
	return c
}

// detectionLimits are the numbers of detections per image and category for recall.
var detectionLimits = [3]int{1, 10, maxDets}

// curves are one class's results, by size range and IoU threshold.
type curves struct {
	positives [4]int
	precision [4][numIoUs][101]float64 // at the recall thresholds
	recall    [3][4][numIoUs]float64   // by detection limit
}

func (c *collected) accumulate(weights []int, recalls *[101]float64) curves {
	var out curves
	weigh := func(image int32) int {
		if weights == nil {
			return 1
		}
		return weights[image]
	}
	for i, img := range c.images {
		for r, n := range img.Positives {
			out.positives[r] += weigh(c.numbers[i]) * n
		}
	}
	counted := make([]weighted, 0, len(c.detections))
	for _, d := range c.detections {
		if w := weigh(d.image); w > 0 {
			counted = append(counted, weighted{d.DetectionStat, w})
		}
	}
	var steps []step
	for r, positives := range out.positives {
		if positives == 0 {
			continue
		}
		for k := range numIoUs {
			steps = curve(steps[:0], counted, r, k)
			interpolate(steps, float64(positives), recalls, &out.precision[r][k])
		}
	}
	found := c.truePositives(weigh)
	for m := range detectionLimits {
		for r, positives := range out.positives {
			for k := range numIoUs {
				out.recall[m][r][k] = float64(found[m][r][k]) / float64(positives)
			}
		}
	}
	return out
}

// truePositives counts them by detection limit, size range and threshold.
func (c *collected) truePositives(weigh func(image int32) int) (found [3][4][numIoUs]int) {
	for i, img := range c.images {
		weight := weigh(c.numbers[i])
		if weight == 0 {
			continue
		}
		for rank, d := range img.Detections {
			for r := range d.Matched {
				for hits := d.Matched[r] &^ d.Ignored[r]; hits != 0; hits &= hits - 1 {
					k := bits.TrailingZeros16(uint16(hits))
					for m, limit := range detectionLimits {
						if rank < limit {
							found[m][r][k] += weight
						}
					}
				}
			}
		}
	}
	return found
}

// weighted is a detection that counts several times.
type weighted struct {
	*DetectionStat
	weight int
}

// step is a point of the curve where recall rises: true positives so far and the
// precision at this step, later replaced by the maximum from this step on.
type step struct {
	tp        float64
	precision float64
}

// curve appends the steps of one size range and threshold. Copies of a detection
// follow each other, so that the precision after the last is the greatest.
func curve(steps []step, detections []weighted, r, k int) []step {
	const epsilon = 0x1p-52
	tp, fp := 0, 0
	for _, d := range detections {
		switch {
		case d.Ignored[r].has(k):
		case d.Matched[r].has(k):
			tp += d.weight
			steps = append(steps, step{float64(tp), float64(tp) / (float64(fp) + float64(tp) + epsilon)})
		default:
			fp += d.weight
		}
	}
	return steps
}

// interpolate gives at each recall threshold the greatest precision at that
// recall or beyond, 0 past the greatest recall. It overwrites precision.
func interpolate(steps []step, positives float64, recalls *[101]float64, out *[101]float64) {
	for i := len(steps) - 1; i > 0; i-- {
		steps[i-1].precision = max(steps[i-1].precision, steps[i].precision)
	}
	for i, threshold := range recalls {
		if at := sort.Search(len(steps), func(j int) bool { return steps[j].tp/positives >= threshold }); at < len(steps) {
			out[i] = steps[at].precision
		}
	}
}
