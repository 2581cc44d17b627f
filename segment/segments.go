package segment

import (
	"fmt"
	"image"
	"image/draw"
	"os"
	"slices"

	"eomt/data"
	"eomt/data/decode"
	"eomt/data/rle"
	"eomt/eval/postprocess"
)

// Segments are what was found in one image: panoptic segments by ascending id,
// instances by descending class probability, semantic classes in the order of the
// class table.
type Segments struct {
	W, H     int
	Segments []Segment
	// Segmentation is the same as maps of the whole image, with classes as indices.
	Segmentation postprocess.Segmentation
}

// Segment is a part of an image.
type Segment struct {
	Class data.Class // its id, name, colour, thing or stuff
	Index int        // of the class in the class table
	Score float64    // 0 to 1; 0 if the task has none (semantic)
	Mask  rle.Mask   // at the image's size
}

// List lists what a segmentation of an image of w x h pixels holds, whose classes are
// indices of the class table. Detections without a pixel are left out.
func List(classes []data.Class, w, h int, found postprocess.Segmentation) *Segments {
	found.Instances = postprocess.Visible(found.Instances)
	out := &Segments{W: w, H: h, Segmentation: found}
	add := func(class int, score float64, mask rle.Mask) {
		out.Segments = append(out.Segments, Segment{Class: classes[class], Index: class, Score: score, Mask: mask})
	}
	switch {
	case found.Panoptic != nil:
		masks := masksOf(found.Panoptic.IDs, w, h)
		for _, part := range found.Panoptic.Segments {
			add(part.Class, part.Score, masks[part.ID])
		}
	case found.Semantic != nil:
		masks := masksOf(found.Semantic.Pix, w, h)
		for class := range classes {
			if mask, present := masks[uint16(class)]; present {
				add(class, 0, mask)
			}
		}
	default:
		for _, d := range found.Instances {
			add(d.Class, d.Score, d.Mask)
		}
	}
	return out
}

// masksOf are the masks of the values of a row-major map, in one walk down its
// columns.
func masksOf[T uint16 | uint32](pix []T, w, h int) map[T]rle.Mask {
	type runs struct {
		counts []uint32
		end    int // of the runs so far
	}
	open := map[T]*runs{}
	for at := 0; at < w*h; {
		value, begin := pix[at%h*w+at/h], at
		for at++; at < w*h && pix[at%h*w+at/h] == value; at++ {
		}
		r := open[value]
		if r == nil {
			r = &runs{}
			open[value] = r
		}
		r.counts = append(r.counts, uint32(begin-r.end), uint32(at-begin))
		r.end = at
	}
	masks := make(map[T]rle.Mask, len(open))
	for value, r := range open {
		if r.end < w*h {
			r.counts = append(r.counts, uint32(w*h-r.end))
		}
		masks[value] = rle.Mask{H: h, W: w, Counts: slices.Clip(r.counts)}
	}
	return masks
}

// ReadImage reads an image file of any format that package decode knows, turned
// upright as its EXIF orientation says.
func ReadImage(path string) (data.RGB, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return data.RGB{}, fmt.Errorf("segment: read image: %w", err)
	}
	img, err := decode.ImageOriented(raw, path)
	if err != nil {
		return data.RGB{}, fmt.Errorf("segment: read image: %w", err)
	}
	return img, nil
}

// FromImage is an image of the standard library without its alpha channel.
func FromImage(src image.Image) data.RGB {
	b := src.Bounds()
	pixels := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(pixels, pixels.Bounds(), src, b.Min, draw.Src)
	img := data.NewRGB(b.Dx(), b.Dy())
	for i := range b.Dx() * b.Dy() {
		copy(img.Pix[3*i:3*i+3], pixels.Pix[4*i:])
	}
	return img
}
