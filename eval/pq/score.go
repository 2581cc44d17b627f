package pq

import (
	"fmt"

	"eomt/data"
)

// Void is the id of pixels that belong to no segment.
const Void = 0

// Segment is one entry of an image's segments_info.
type Segment struct {
	ID       int64
	Category int
	Crowd    bool    // read from ground truth only
	Area     float64 // in pixels, as the file states it; read from ground truth only
}

// Map is an image's segmentation: the id of each pixel, row-major and H*W long,
// and what the ids stand for.
type Map struct {
	W, H     int
	IDs      []uint32
	Segments []Segment
}

// Image is one image to score. Truth and Pred are only read.
type Image struct {
	ID    int64
	Truth Map
	Pred  Map
}

// Rule is how segments are matched and classes averaged.
type Rule int

const (
	// Exact is panopticapi's evaluation.py at 7bb46555: ground-truth areas are
	// the stated ones, the means are over classes with any segment.
	Exact Rule = iota
	// Upstream is what tue-mps/eomt at 7bd19dd prints: torchmetrics'
	// PanopticQuality with an update of its own. It takes areas from the maps,
	// joins a stuff class's segments, divides in float32, and its crowd test
	// looks at the segment of lowest id for all stuff. Absent classes count as 0,
	// images without ground truth not at all.
	Upstream
)

// Evaluator scores images of one class table. It is safe for concurrent use.
type Evaluator struct {
	rule    Rule
	classes []data.Class
	thing   map[int]bool // by category id, for known ones
}

// New returns an evaluator. It is an error if two classes share an id.
func New(rule Rule, classes []data.Class) (*Evaluator, error) {
	e := &Evaluator{rule: rule, classes: classes, thing: make(map[int]bool, len(classes))}
	for _, c := range classes {
		if _, twice := e.thing[c.ID]; twice {
			return nil, fmt.Errorf("pq: class table: duplicate id %d (%s)", c.ID, c.Name)
		}
		e.thing[c.ID] = c.Thing
	}
	return e, nil
}

// Image matches the segments of one image. It is an error, naming the image, if
// the maps differ in size, an id occurs twice, a category is unknown, a
// predicted id is in the map but not among the segments (except [Void]) or the
// reverse.
//
// Differs: panopticapi lets the last of two equal ids win, and accepts unknown
// categories in ground truth.
func (e *Evaluator) Image(img Image) (ImageStat, error) {
	stat, err := e.image(img)
	if err != nil {
		return ImageStat{}, fmt.Errorf("pq: image %d: %w", img.ID, err)
	}
	return stat, nil
}

func (e *Evaluator) image(img Image) (ImageStat, error) {
	t, p := img.Truth, img.Pred
	if t.W != p.W || t.H != p.H {
		return ImageStat{}, fmt.Errorf("predicted map is %d x %d pixels, ground truth %d x %d", p.W, p.H, t.W, t.H)
	}
	if len(t.IDs) != t.W*t.H || len(p.IDs) != p.W*p.H {
		return ImageStat{}, fmt.Errorf("%d and %d ids for %d x %d pixels", len(t.IDs), len(p.IDs), t.W, t.H)
	}
	truth, err := e.index(t.Segments, "ground-truth")
	if err != nil {
		return ImageStat{}, err
	}
	pred, err := e.index(p.Segments, "predicted")
	if err != nil {
		return ImageStat{}, err
	}
	o := countOverlaps(t.IDs, p.IDs)
	if err := checkPredicted(p.Segments, pred, o.predArea); err != nil {
		return ImageStat{}, err
	}
	tally := newTally()
	if e.rule == Upstream {
		e.matchUpstream(t.Segments, truth, p.Segments, pred, o, tally)
	} else if err := matchExact(t.Segments, truth, p.Segments, pred, o, tally); err != nil {
		return ImageStat{}, err
	}
	return tally.stat(img.ID), nil
}

// index returns the segments' positions by id.
func (e *Evaluator) index(segments []Segment, whose string) (map[int64]int, error) {
	byID := make(map[int64]int, len(segments))
	for i, s := range segments {
		if _, twice := byID[s.ID]; twice {
			return nil, fmt.Errorf("duplicate id: %s segment %d is listed twice", whose, s.ID)
		}
		if _, known := e.thing[s.Category]; !known {
			return nil, fmt.Errorf("unknown category %d of %s segment %d", s.Category, whose, s.ID)
		}
		byID[s.ID] = i
	}
	return byID, nil
}

func checkPredicted(segments []Segment, byID map[int64]int, area map[int64]int) error {
	for _, id := range sortedKeys(area) {
		if _, listed := byID[id]; !listed && id != Void {
			return fmt.Errorf("predicted segment %d is in the PNG and not in the JSON", id)
		}
	}
	for _, s := range segments {
		if area[s.ID] == 0 {
			return fmt.Errorf("predicted segment %d is in the JSON and not in the PNG", s.ID)
		}
	}
	return nil
}
