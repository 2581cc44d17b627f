package pq

import (
	"encoding/json"
	"fmt"
)

// ClassStat is what an image adds to one class.
type ClassStat struct {
	Category int     `json:"category"`
	IoU      float64 `json:"iou"` // sum over the true positives
	TP       int     `json:"tp"`
	FP       int     `json:"fp"`
	FN       int     `json:"fn"`
}

func (c *ClassStat) add(o ClassStat) {
	c.IoU += o.IoU
	c.TP += o.TP
	c.FP += o.FP
	c.FN += o.FN
}

// ImageStat is the score of one image: its classes with any segment, ascending.
type ImageStat struct {
	Image   int64       `json:"image"`
	Classes []ClassStat `json:"classes"`
}

// Stats collects images. The zero Stats is empty. Its JSON form is a list in
// ascending order of image ids, the same however the images came together.
type Stats struct {
	images map[int64]ImageStat
}

// Add takes up an image. It is an error if it is there already.
func (s *Stats) Add(stat ImageStat) error {
	if _, twice := s.images[stat.Image]; twice {
		return fmt.Errorf("pq: add: image %d is there already", stat.Image)
	}
	if s.images == nil {
		s.images = map[int64]ImageStat{}
	}
	s.images[stat.Image] = stat
	return nil
}

// Merge takes up all images of another shard. It is an error, and nothing is
// changed, if one is there already.
func (s *Stats) Merge(other *Stats) error {
	for id := range other.images {
		if _, twice := s.images[id]; twice {
			return fmt.Errorf("pq: merge: image %d is in both", id)
		}
	}
	for _, stat := range other.images {
		if err := s.Add(stat); err != nil {
			return err
		}
	}
	return nil
}

// Images returns the statistics in ascending order of image ids.
func (s *Stats) Images() []ImageStat {
	images := make([]ImageStat, 0, len(s.images))
	for _, id := range sortedKeys(s.images) {
		images = append(images, s.images[id])
	}
	return images
}

// MarshalJSON implements [json.Marshaler].
func (s *Stats) MarshalJSON() ([]byte, error) { return json.Marshal(s.Images()) }

// UnmarshalJSON implements [json.Unmarshaler], the inverse of MarshalJSON.
func (s *Stats) UnmarshalJSON(text []byte) error {
	var images []ImageStat
	if err := json.Unmarshal(text, &images); err != nil {
		return fmt.Errorf("pq: read statistics: %w", err)
	}
	*s = Stats{}
	for _, stat := range images {
		if err := s.Add(stat); err != nil {
			return err
		}
	}
	return nil
}

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
