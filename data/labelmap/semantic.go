package labelmap

import (
	"fmt"

	"eomt/data"
	"eomt/data/archive"
	"eomt/data/decode"
)

// Meanings of a label other than a class index.
const (
	Void    = -1 // the pixel belongs to no class
	Unknown = -2 // the label may not occur
)

// Semantic returns a reader of class labels: one target for each class in an image,
// in the order of the class table. classOf returns a label's class index, Void or
// Unknown. With resize, a map whose size differs from its image's is resized by
// nearest neighbour, as in the reference; otherwise it is an error.
func Semantic(labels archive.Source, classOf func(label uint16) int, resize bool) Reader {
	return func(p Pair, s *data.Sample) error {
		ids, err := ReadLabels(labels, p.Labels, s, resize)
		if err != nil {
			return err
		}
		return Paint(s, Layer{IDs: ids, Path: labels.Path(p.Labels),
			ClassOf: func(id uint32) int { return classOf(uint16(id)) }})
	}
}

// ReadLabels reads a gray or paletted label map of the sample's image.
func ReadLabels(src archive.Source, name string, s *data.Sample, resize bool) ([]uint32, error) {
	raw, err := archive.ReadFile(src, name)
	if err != nil {
		return nil, fmt.Errorf("labelmap: labels: %w", err)
	}
	path := src.Path(name)
	values, w, h, err := decode.Labels(raw, path)
	if err != nil {
		return nil, err
	}
	if values, err = Fit(values, w, h, s, path, resize); err != nil {
		return nil, err
	}
	ids := make([]uint32, len(values))
	for i, v := range values {
		ids[i] = uint32(v)
	}
	return ids, nil
}

// Fit returns a map of w x h values at the size of the sample's image: with resize,
// resized by nearest neighbour; without it, differing sizes are an error.
func Fit[T any](values []T, w, h int, s *data.Sample, path string, resize bool) ([]T, error) {
	if w == s.Image.W && h == s.Image.H {
		return values, nil
	}
	if !resize || w == 0 || h == 0 {
		return nil, &data.FormatError{Path: path, Reason: fmt.Sprintf("has %d x %d pixels (width x height), but its image %s has %d x %d%s",
			w, h, s.Name, s.Image.W, s.Image.H, s.TurnedHint(w, h))}
	}
	out := make([]T, 0, s.Image.W*s.Image.H)
	across := float32(w) / float32(s.Image.W) // in single precision, as torch computes it
	down := float32(h) / float32(s.Image.H)
	for y := range s.Image.H {
		row := values[min(int(float32(y)*down), h-1)*w:]
		for x := range s.Image.W {
			out = append(out, row[min(int(float32(x)*across), w-1)])
		}
	}
	return out, nil
}
