package postprocess

import (
	"cmp"
	"slices"

	"eomt/data"
)

// Targets is the segmentation of img as training targets, so that both are drawn
// alike, with the score of each; scores is nil if the task has none. Instances that
// score less than least are dropped, and small ones come last, on top.
func (p Segmentation) Targets(img data.RGB, least float64) (s *data.Sample, scores []float64) {
	s = &data.Sample{Image: img}
	switch {
	case p.Panoptic != nil:
		s.Masks = data.NewPlanes(img.W, img.H, len(p.Panoptic.Segments))
		for _, segment := range p.Panoptic.Segments {
			s.Instances = append(s.Instances, data.Instance{Class: segment.Class, ID: int64(segment.ID), Area: float64(segment.Area)})
			scores = append(scores, segment.Score)
		}
		for i, id := range p.Panoptic.IDs {
			if id > 0 {
				s.Masks.Set(i%img.W, i/img.W, int(id)-1)
			}
		}
	case p.Semantic != nil:
		at := map[uint16]int{}
		for _, class := range p.Semantic.Pix {
			if _, seen := at[class]; !seen {
				at[class] = len(s.Instances)
				s.Instances = append(s.Instances, data.Instance{Class: int(class)})
			}
		}
		s.Masks = data.NewPlanes(img.W, img.H, len(at))
		for i, class := range p.Semantic.Pix {
			s.Masks.Set(i%img.W, i/img.W, at[class])
		}
	default:
		found := slices.DeleteFunc(slices.Clone(p.Instances), func(d Detection) bool { return d.Score < least })
		slices.SortStableFunc(found, func(a, b Detection) int { return cmp.Compare(b.Mask.Area(), a.Mask.Area()) })
		s.Masks = data.NewPlanes(img.W, img.H, len(found))
		for i, detection := range found {
			detection.Mask.Paint(s.Masks, i)
			s.Instances = append(s.Instances, data.Instance{Class: detection.Class, Area: float64(detection.Mask.Area())})
			scores = append(scores, detection.Score)
		}
	}
	return s, scores
}
