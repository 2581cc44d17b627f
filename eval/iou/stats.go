package iou

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Stats collects images. The zero Stats is empty. Its JSON form is a list in
// ascending order of image names, the same however the images came together.
type Stats struct {
	images map[string]ImageStat
}

// Add takes up an image. It is an error if it is there already.
func (s *Stats) Add(stat ImageStat) error {
	if _, twice := s.images[stat.Image]; twice {
		return fmt.Errorf("iou: add: image %s is there already", stat.Image)
	}
	if s.images == nil {
		s.images = map[string]ImageStat{}
	}
	s.images[stat.Image] = stat
	return nil
}

// Merge takes up all images of another shard. It is an error, and nothing is
// changed, if one is there already.
func (s *Stats) Merge(other *Stats) error {
	for name := range other.images {
		if _, twice := s.images[name]; twice {
			return fmt.Errorf("iou: merge: image %s is in both", name)
		}
	}
	for _, stat := range other.images {
		if err := s.Add(stat); err != nil {
			return err
		}
	}
	return nil
}

// Images returns the statistics in ascending order of image names.
func (s *Stats) Images() []ImageStat {
	images := make([]ImageStat, 0, len(s.images))
	for _, name := range slices.Sorted(maps.Keys(s.images)) {
		images = append(images, s.images[name])
	}
	return images
}

// MarshalJSON implements [json.Marshaler].
func (s *Stats) MarshalJSON() ([]byte, error) { return json.Marshal(s.Images()) }

// UnmarshalJSON implements [json.Unmarshaler], the inverse of MarshalJSON.
func (s *Stats) UnmarshalJSON(text []byte) error {
	var images []ImageStat
	if err := json.Unmarshal(text, &images); err != nil {
		return fmt.Errorf("iou: read statistics: %w", err)
	}
	*s = Stats{}
	for _, stat := range images {
		if err := s.Add(stat); err != nil {
			return err
		}
	}
	return nil
}
