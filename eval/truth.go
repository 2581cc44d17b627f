package eval

import (
	"math"
	"math/bits"

	"eomt/data"
	"eomt/data/rle"
	"eomt/eval/ap"
	"eomt/eval/iou"
	"eomt/eval/pq"
)

// unlabelled is the label of pixels without a class.
const unlabelled = math.MaxUint16

// truthMap is a sample as a panoptic map; where masks overlap, the last counts.
func truthMap(s *data.Sample, classes []data.Class) pq.Map {
	m := pq.Map{W: s.Image.W, H: s.Image.H, IDs: make([]uint32, s.Image.W*s.Image.H)}
	ids := make([]uint32, len(s.Instances))
	for i, instance := range s.Instances {
		m.Segments = append(m.Segments, pq.Segment{ID: instance.ID, Category: classes[instance.Class].ID,
			Crowd: instance.Crowd, Area: instance.Area})
		ids[i] = uint32(instance.ID)
	}
	eachLast(s.Masks, func(pixel, mask int) { m.IDs[pixel] = ids[mask] })
	return m
}

// truthLabels is a sample as a map of class indices; where masks overlap, the
// last counts.
func truthLabels(s *data.Sample) iou.Labels {
	l := iou.Labels{W: s.Image.W, H: s.Image.H, Pix: make([]uint16, s.Image.W*s.Image.H)}
	for i := range l.Pix {
		l.Pix[i] = unlabelled
	}
	eachLast(s.Masks, func(pixel, mask int) { l.Pix[pixel] = uint16(s.Instances[mask].Class) })
	return l
}

// eachLast calls f with the highest mask of every pixel that is in one.
func eachLast(p data.Planes, f func(pixel, mask int)) {
	for pixel := range p.W * p.H {
		for word := p.Words - 1; word >= 0; word-- {
			if b := p.Bits[pixel*p.Words+word]; b != 0 {
				f(pixel, 32*word+bits.Len32(b)-1)
				break
			}
		}
	}
}

func constant(labels []uint16) bool {
	for _, l := range labels {
		if l != labels[0] {
			return false
		}
	}
	return true
}

// truths are a sample's instances with their masks as runs.
func truths(s *data.Sample, classes []data.Class) []ap.Truth {
	masks := runs(s.Masks, len(s.Instances))
	out := make([]ap.Truth, len(s.Instances))
	for i, instance := range s.Instances {
		out[i] = ap.Truth{ID: instance.ID, Category: classes[instance.Class].ID, Crowd: instance.Crowd,
			Area: instance.Area, Mask: rle.Mask{H: s.Masks.H, W: s.Masks.W, Counts: masks[i]}}
	}
	return out
}

// runs gives the column-major runs of the first n masks, all in one walk that
// stops only where a mask begins or ends.
func runs(p data.Planes, n int) [][]uint32 {
	counts, begun := make([][]uint32, n), make([]uint32, n)
	previous, at := make([]uint32, p.Words), uint32(0)
	for x := range p.W {
		for y := range p.H {
			pixel := p.Bits[(y*p.W+x)*p.Words:][:p.Words]
			for word, now := range pixel {
				changed := now ^ previous[word]
				previous[word] = now
				for ; changed != 0; changed &= changed - 1 {
					m := 32*word + bits.TrailingZeros32(changed)
					counts[m] = append(counts[m], at-begun[m])
					begun[m] = at
				}
			}
			at++
		}
	}
	for m := range counts {
		counts[m] = append(counts[m], at-begun[m])
	}
	return counts
}
