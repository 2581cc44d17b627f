package stats

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Stat is the statistics of one image. Key is unique in a data set.
type Stat[K cmp.Ordered] interface{ Key() K }

// Set holds statistics of images. The zero Set is empty. Its JSON form is a list
// in ascending order of keys, the same whatever the order of Add and Merge.
type Set[K cmp.Ordered, S Stat[K]] struct {
	images map[K]S
}

// Add adds an image. A duplicate is an error.
func (s *Set[K, S]) Add(stat S) error {
	key := stat.Key()
	if _, duplicate := s.images[key]; duplicate {
		return fmt.Errorf("stats: add: duplicate image %v", key)
	}
	if s.images == nil {
		s.images = map[K]S{}
	}
	s.images[key] = stat
	return nil
}

// Merge adds all images of another set. A duplicate is an error, and leaves s as it was.
func (s *Set[K, S]) Merge(other *Set[K, S]) error {
	for key := range other.images {
		if _, duplicate := s.images[key]; duplicate {
			return fmt.Errorf("stats: merge: duplicate image %v", key)
		}
	}
	for _, stat := range other.images {
		if err := s.Add(stat); err != nil {
			return err
		}
	}
	return nil
}

// Images returns the statistics in ascending order of keys.
func (s *Set[K, S]) Images() []S {
	images := make([]S, 0, len(s.images))
	for _, key := range slices.Sorted(maps.Keys(s.images)) {
		images = append(images, s.images[key])
	}
	return images
}

// MarshalJSON implements [json.Marshaler].
func (s *Set[K, S]) MarshalJSON() ([]byte, error) { return json.Marshal(s.Images()) }

// UnmarshalJSON implements [json.Unmarshaler], the inverse of MarshalJSON.
func (s *Set[K, S]) UnmarshalJSON(text []byte) error {
	var images []S
	if err := json.Unmarshal(text, &images); err != nil {
		return fmt.Errorf("stats: read statistics: %w", err)
	}
	*s = Set[K, S]{}
	for _, stat := range images {
		if err := s.Add(stat); err != nil {
			return err
		}
	}
	return nil
}
