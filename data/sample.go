package data

import "fmt"

// RGB is an 8-bit image in row-major order, three bytes (red, green, blue) per pixel.
type RGB struct {
	W, H int
	Pix  []uint8 // length 3*W*H
}

// NewRGB returns a black image of w x h pixels.
func NewRGB(w, h int) RGB { return RGB{W: w, H: h, Pix: make([]uint8, 3*w*h)} }

// Instance is one target of an image: a thing, or all of a stuff class in panoptic data.
type Instance struct {
	Class int   // index into the data set's class table, 0 <= Class < C
	Crowd bool  // a group that is not scored; dropped from training targets
	ID    int64 // the annotation's or segment's id in its file
	// Area is what the annotation states, in pixels of the original image. COCO's is
	// fractional, and its size ranges compare it as stated.
	Area float64
}

// Sample is one image with its targets, as read by a format package or returned by a
// transform. Instance m is bit m of Masks, which has the image's size.
type Sample struct {
	ImageID   int64  // the id in the annotation file
	Name      string // the file, for messages
	Image     RGB
	Instances []Instance
	Masks     Planes
	// Orientation is the EXIF orientation that the image file states: 1 (upright,
	// also where it states none) to 8, and 0 if the image is not from a file.
	Orientation int
}

// TurnedHint explains, for the end of an error message, why annotations of w x h
// pixels do not match the image: it was turned by its EXIF orientation, or was not.
// It is empty if that is not the reason.
func (s *Sample) TurnedHint(w, h int) string {
	if s.Orientation <= 4 || w != s.Image.H || h != s.Image.W {
		return ""
	}
	return fmt.Sprintf("; the image states EXIF orientation %d: set data.exif to apply if the annotations were made on the upright picture, to ignore if on the image as it is stored",
		s.Orientation)
}

// Class is one row of a data set's class table.
type Class struct {
	ID    int      `json:"id"` // the id in the annotation files, not the contiguous index
	Name  string   `json:"name"`
	Thing bool     `json:"thing"`
	Color [3]uint8 `json:"color"`
}

// ImageInfo describes an image without decoding it. W and H are 0 if the
// format does not state them.
type ImageInfo struct {
	ImageID int64
	Name    string
	W, H    int
}

// InstanceLister is a [Dataset] that knows the targets of a sample without decoding its
// image.
type InstanceLister interface {
	// Instances are those of Load's sample i; an error names the file.
	Instances(i int) ([]Instance, error)
}

// Dataset provides samples by index. Load is safe for concurrent use and returns
// the undistorted image with its targets at full size; an error names the file.
type Dataset interface {
	Len() int
	Classes() []Class // in order of the contiguous class index
	Info(i int) ImageInfo
	Load(i int) (*Sample, error)
}
