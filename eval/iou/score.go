package iou

import (
	"fmt"

	"eomt/data"
	"eomt/eval/stats"
)

// Labels is a label map, row-major and H*W long.
type Labels struct {
	W, H int
	Pix  []uint16
}

// Image is one image to score. Both maps are only read.
type Image struct {
	Name  string // unique; results do not depend on the order of names
	Truth Labels
	Pred  Labels
}

// Absent states how a class counts that is in neither ground truth nor prediction.
type Absent int

const (
	// AbsentSkipped leaves such classes out of the mean: Cityscapes'
	// evalPixelLevelSemanticLabeling.
	AbsentSkipped Absent = iota
	// AbsentZero counts them as 0: ADE20K's sceneparsing at e2022296, and
	// torchmetrics as tue-mps/eomt at 7bd19dd uses it.
	AbsentZero
)

// AbsentOf is the official rule of a data set format.
func AbsentOf(f data.Format) Absent {
	if f.AbsentIsZero {
		return AbsentZero
	}
	return AbsentSkipped
}

// Evaluator scores images of one class table. It is safe for concurrent use.
type Evaluator struct {
	Boundaries bool // count pixels near contours too, for the Boundary IoU

	classes     []data.Class
	absent      Absent
	truth, pred [1 << 16]int16 // class of a label, NoClass, or unknown
}

const unknown = -2

// New returns an evaluator whose ground truth and predictions have the labels
// of two mappings. It panics if a mapping has an index outside of the class table.
func New(classes []data.Class, truth, pred Mapping, absent Absent) *Evaluator {
	e := &Evaluator{classes: classes, absent: absent}
	fill := func(table []int16, m Mapping) {
		for label := range table {
			table[label] = unknown
		}
		for label, class := range m {
			if class < NoClass || class >= len(classes) {
				panic(fmt.Sprintf("iou: New: label %d is mapped to class %d of %d", label, class, len(classes)))
			}
			table[label] = int16(class)
		}
	}
	fill(e.truth[:], truth)
	fill(e.pred[:], pred)
	return e
}

// Cell is an entry of an image's confusion matrix.
type Cell struct {
	Truth  int `json:"truth"` // class
	Pred   int `json:"pred"`  // class or [NoClass]
	Pixels int `json:"pixels"`
}

// ImageStat is the score of one image: the non-zero cells, ascending by ground
// truth and then prediction.
type ImageStat struct {
	Image string `json:"image"`
	Cells []Cell `json:"cells"`
	Bands []Band `json:"bands,omitempty"` // where [Evaluator.Boundaries] asks for them
}

// Key implements [stats.Stat].
func (s ImageStat) Key() string { return s.Image }

// Stats collects images. Parts of a data set can be scored separately and merged in any order.
type Stats = stats.Set[string, ImageStat]

// Image counts one image. It is an error, naming the image, if the maps differ
// in size or a label is in no mapping.
func (e *Evaluator) Image(img Image) (ImageStat, error) {
	t, p := img.Truth, img.Pred
	if t.W != p.W || t.H != p.H || len(t.Pix) != t.W*t.H || len(p.Pix) != p.W*p.H {
		return ImageStat{}, fmt.Errorf("iou: image %s: wrong size: prediction is %d x %d pixels, ground truth %d x %d",
			img.Name, p.W, p.H, t.W, t.H)
	}
	columns := len(e.classes) + 1 // the first for NoClass
	counts := make([]int, len(e.classes)*columns)
	for i := 0; i < len(t.Pix); {
		truth, pred, begin := t.Pix[i], p.Pix[i], i
		for i++; i < len(t.Pix) && t.Pix[i] == truth && p.Pix[i] == pred; i++ {
		}
		row, column := e.truth[truth], e.pred[pred]
		if row == unknown {
			return ImageStat{}, unknownLabel(img.Name, "ground truth", truth, begin, t.W)
		}
		if column == unknown {
			return ImageStat{}, unknownLabel(img.Name, "prediction", pred, begin, t.W)
		}
		if row != NoClass {
			counts[int(row)*columns+int(column)+1] += i - begin
		}
	}
	stat := ImageStat{Image: img.Name}
	for i, n := range counts {
		if n > 0 {
			stat.Cells = append(stat.Cells, Cell{Truth: i / columns, Pred: i%columns - 1, Pixels: n})
		}
	}
	if e.Boundaries {
		stat.Bands = e.bands(img)
	}
	return stat, nil
}

func unknownLabel(name, whose string, label uint16, at, w int) error {
	return fmt.Errorf("iou: image %s: %s has the unknown label %d at (%d, %d)", name, whose, label, at%w, at/w)
}
