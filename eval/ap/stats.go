package ap

import "eomt/eval/stats"

// Thresholds is a set of the ten IoU thresholds, the first in the lowest bit.
type Thresholds uint16

func (t *Thresholds) set(k int)     { *t |= 1 << k }
func (t Thresholds) has(k int) bool { return t>>k&1 == 1 }

// DetectionStat is the outcome of a detection by size range (all, small, medium,
// large). It is a true positive where it is matched and not ignored, a false positive
// where it is neither.
type DetectionStat struct {
	Score   float64       `json:"score"`
	Matched [4]Thresholds `json:"matched"`
	Ignored [4]Thresholds `json:"ignored"`
}

// ClassStat is what an image adds to one class.
type ClassStat struct {
	Category   int             `json:"category"`
	Positives  [4]int          `json:"positives"`  // truths that are not ignored, by size range
	Detections []DetectionStat `json:"detections"` // by descending score, at most 100
}

// ImageStat is the score of one image: its classes with any object, ascending.
type ImageStat struct {
	Image   int64       `json:"image"`
	Classes []ClassStat `json:"classes"`
}

// Key implements [stats.Stat].
func (s ImageStat) Key() int64 { return s.Image }

// Stats collects images. Parts of a data set can be scored separately and merged in any order.
type Stats = stats.Set[int64, ImageStat]
