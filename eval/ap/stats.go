package ap

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Thresholds is a set of the ten IoU thresholds, the first in the lowest bit.
type Thresholds uint16

func (t *Thresholds) set(k int)     { *t |= 1 << k }
func (t Thresholds) has(k int) bool { return t>>k&1 == 1 }

// DetectionStat is what became of a detection, by size range (all, small,
// medium, large). It is a true positive where it is matched and not ignored, a
// false one where it is neither.
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

// Stats collects images. The zero Stats is empty. Its JSON form is a list in
// ascending order of image ids, the same however the images came together.
type Stats struct {
	images map[int64]ImageStat
}

// Add takes up an image. It is an error if it is there already.
func (s *Stats) Add(stat ImageStat) error {
	if _, twice := s.images[stat.Image]; twice {
		return fmt.Errorf("ap: add: image %d is there already", stat.Image)
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
			return fmt.Errorf("ap: merge: image %d is in both", id)
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
	for _, id := range slices.Sorted(maps.Keys(s.images)) {
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
		return fmt.Errorf("ap: read statistics: %w", err)
	}
	*s = Stats{}
	for _, stat := range images {
		if err := s.Add(stat); err != nil {
			return err
		}
	}
	return nil
}
