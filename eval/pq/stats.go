package pq

import "eomt/eval/stats"

// ClassStat is what an image adds to one class.
type ClassStat struct {
	Category int     `json:"category"`
	IoU      float64 `json:"iou"` // sum over the true positives
	TP       int     `json:"tp"`
	FP       int     `json:"fp"`
	FN       int     `json:"fn"`
}

func (c *ClassStat) add(o ClassStat, weight int) {
	c.IoU += float64(float64(weight) * o.IoU)
	c.TP += weight * o.TP
	c.FP += weight * o.FP
	c.FN += weight * o.FN
}

// ImageStat is the score of one image: its classes with any segment, ascending.
type ImageStat struct {
	Image   int64       `json:"image"`
	Classes []ClassStat `json:"classes"`
}

// Key implements [stats.Stat].
func (s ImageStat) Key() int64 { return s.Image }

// Stats collects images. Parts of a data set can be scored separately and merged in any order.
type Stats = stats.Set[int64, ImageStat]

// tally counts the segments of one image by class.
type tally struct{ classes map[int]*ClassStat }

func newTally() *tally { return &tally{classes: map[int]*ClassStat{}} }

func (t *tally) of(category int) *ClassStat {
	c := t.classes[category]
	if c == nil {
		c = &ClassStat{Category: category}
		t.classes[category] = c
	}
	return c
}

func (t *tally) match(category int, iou float64) {
	c := t.of(category)
	c.TP++
	c.IoU += iou
}

func (t *tally) stat(image int64) ImageStat {
	stat := ImageStat{Image: image, Classes: make([]ClassStat, 0, len(t.classes))}
	for _, category := range sortedKeys(t.classes) {
		stat.Classes = append(stat.Classes, *t.classes[category])
	}
	return stat
}
