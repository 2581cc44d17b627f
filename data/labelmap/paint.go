package labelmap

import (
	"cmp"
	"fmt"
	"slices"

	"eomt/data"
)

// Layer is a map of ids of its image's size. ClassOf returns the class index of an
// id, Void or Unknown.
type Layer struct {
	IDs     []uint32
	Path    string // for messages
	ClassOf func(id uint32) int
	Crowd   func(id uint32) bool // nil: none is
}

// target is an id that occurs in a layer.
type target struct {
	layer int
	id    uint32
	data.Instance
}

// Paint sets the targets of a sample: one for each id of each layer that has a
// class, in the order of their classes, then layers, then ids. Layers may overlap.
// An instance's Area is its number of pixels. An unknown id is an error that names
// the layer's file and the pixel.
func Paint(s *data.Sample, layers ...Layer) error {
	var found []target
	for i, layer := range layers {
		targets, err := layer.targets(s.Image.W)
		if err != nil {
			return err
		}
		for _, t := range targets {
			t.layer = i
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b target) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.layer, b.layer), cmp.Compare(a.id, b.id))
	})
	s.Instances = make([]data.Instance, len(found))
	s.Masks = data.NewPlanes(s.Image.W, s.Image.H, len(found))
	bits := make([]map[uint32]int, len(layers))
	for i := range bits {
		bits[i] = map[uint32]int{}
	}
	for bit, t := range found {
		s.Instances[bit] = t.Instance
		bits[t.layer][t.id] = bit
	}
	for i, layer := range layers {
		layer.paint(s, bits[i])
	}
	return nil
}

// targets returns the ids that have a class.
func (l Layer) targets(width int) ([]target, error) {
	var found []target
	var unknown []uint32
	where := 0 // the first of them is
	seen := map[uint32]bool{}
	for pixel, id := range l.IDs {
		if pixel > 0 && id == l.IDs[pixel-1] || seen[id] {
			continue
		}
		seen[id] = true
		switch class := l.ClassOf(id); class {
		case Void:
		case Unknown:
			if unknown = append(unknown, id); len(unknown) == 1 {
				where = pixel
			}
		default:
			found = append(found, target{id: id, Instance: data.Instance{
				Class: class, ID: int64(id), Crowd: l.Crowd != nil && l.Crowd(id)}})
		}
	}
	if unknown != nil {
		return nil, l.unknown(unknown, where%width, where/width)
	}
	return found, nil
}

// unknown is the error for invalid ids, the first of which is at (x, y).
func (l Layer) unknown(ids []uint32, x, y int) error {
	reason := fmt.Sprintf("is at pixel (%d, %d), but is not a label of this data set", x, y)
	if others := ids[1:]; len(others) > 0 {
		slices.Sort(others)
		reason += fmt.Sprintf("; %d more labels are not: %d", len(others), others[:min(len(others), maxListed)])
	}
	return &data.FormatError{Path: l.Path, Record: fmt.Sprintf("label %d", ids[0]), Reason: reason}
}

// maxListed is how many unknown labels a message lists.
const maxListed = 10

// paint sets the bits of the layer's pixels.
func (l Layer) paint(s *data.Sample, bits map[uint32]int) {
	words := s.Masks.Words
	bit, has := 0, false
	for pixel, id := range l.IDs {
		if pixel == 0 || id != l.IDs[pixel-1] {
			bit, has = bits[id]
		}
		if has {
			s.Masks.Bits[pixel*words+bit/32] |= 1 << (bit % 32)
			s.Instances[bit].Area++
		}
	}
}
