package transform

import (
	"fmt"
	"math"

	"eomt/data"
)

// Size is a width and height in pixels.
type Size struct{ W, H int }

// Geometry records how an evaluation image was brought to the model's size; masks are
// mapped back by resizing to Padded, cropping to Resized and resizing to Original.
type Geometry struct {
	Original Size
	Resized  Size // the part of Padded that the image fills, at the upper left
	Padded   Size
}

// FitSize is the geometry of an image that is resized, keeping its aspect, so
// that it fits into width x height. Sides are rounded half to
// even. (scale_img_size_instance_panoptic, training/lightning_module.py at 7bd19dd)
func FitSize(original Size, height, width int) Geometry {
	factor := min(float64(height)/float64(original.H), float64(width)/float64(original.W))
	return Geometry{Original: original, Resized: original.scaled(factor), Padded: Size{W: width, H: height}}
}

// Fit resizes img with Pillow's filter so that it fits and pads it with zeros at
// the right and the bottom, for panoptic and instance evaluation. It panics
// unless all sizes are positive.
func Fit(img data.RGB, height, width int) (data.RGB, Geometry) {
	if height <= 0 || width <= 0 || img.W <= 0 || img.H <= 0 {
		panic(fmt.Sprintf("transform: fit an image of %d x %d pixels into %d x %d: sizes must be positive", img.W, img.H, width, height))
	}
	g := FitSize(Size{img.W, img.H}, height, width)
	out := data.NewRGB(width, height)
	resample(out, img, view{w: g.Resized.W, h: g.Resized.H, cols: g.Resized.W, rows: g.Resized.H}, Pillow)
	return out, g
}

// scaled rounds as Python's round does; no side vanishes.
func (s Size) scaled(factor float64) Size {
	side := func(n int) int { return max(1, int(math.RoundToEven(float64(n)*factor))) }
	return Size{W: side(s.W), H: side(s.H)}
}

// WindowPlan describes how a semantic evaluation image is cut into square windows:
// its shorter side is resized to Side pixels, and windows of Side x Side are spaced
// evenly along the longer one.
type WindowPlan struct {
	Original, Resized Size
	Side              int
	Down              bool  // windows are arranged vertically instead of horizontally
	Starts            []int // first row or column of every window in the resized image
}

// PlanWindows computes the windows of an image, as many as are needed to cover
// it. (window_imgs_semantic, training/lightning_module.py at 7bd19dd)
func PlanWindows(original Size, side int) WindowPlan {
	factor := max(float64(side)/float64(original.H), float64(side)/float64(original.W))
	p := WindowPlan{Original: original, Resized: original.scaled(factor), Side: side}
	p.Down = p.Resized.H > p.Resized.W
	long := max(p.Resized.W, p.Resized.H)
	n := (long + side - 1) / side
	overlap := 0. // of two neighbours
	if n > 1 {
		overlap = float64(n*side-long) / float64(n-1)
	}
	for i := range n {
		p.Starts = append(p.Starts, int(float64(i)*(float64(side)-overlap)))
	}
	return p
}

// Windows resizes img with Pillow's filter and cuts it by [PlanWindows]. It
// panics unless all sizes are positive.
func Windows(img data.RGB, side int) ([]data.RGB, WindowPlan) {
	if side <= 0 || img.W <= 0 || img.H <= 0 {
		panic(fmt.Sprintf("transform: windows of %d pixels in an image of %d x %d: sizes must be positive", side, img.W, img.H))
	}
	p := PlanWindows(Size{img.W, img.H}, side)
	resized := Resize(img, p.Resized.W, p.Resized.H, Pillow)
	windows := make([]data.RGB, len(p.Starts))
	for i, start := range p.Starts {
		left, top := start, 0
		if p.Down {
			left, top = 0, start
		}
		windows[i] = cut(resized, left, top, side)
	}
	return windows, p
}

// cut copies a square out of img.
func cut(img data.RGB, left, top, side int) data.RGB {
	out := data.NewRGB(side, side)
	for y := range side {
		copy(out.Pix[3*y*side:3*(y+1)*side], img.Pix[3*((top+y)*img.W+left):])
	}
	return out
}
