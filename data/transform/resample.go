package transform

import (
	"sync"

	"eomt/data"
)

// Arithmetic selects one of two implementations of the antialiased bilinear
// filter on 8-bit samples. Both filter rows, round to 8 bits, then filter
// columns; they differ in the precision of their integer weights.
type Arithmetic int

const (
	// Pillow has 22 bits of fraction (src/libImaging/Resample.c, 11.3.0).
	Pillow Arithmetic = iota
	// Torch has as many as fit into 16-bit weights (interpolate on uint8, 2.7.0).
	Torch
)

// Resize scales img to w x h pixels, antialiased where it shrinks. Pixel centres
// are at half-integers. It panics unless w and h are positive.
func Resize(img data.RGB, w, h int, a Arithmetic) data.RGB {
	if w <= 0 || h <= 0 {
		panic("transform: resize: width and height must be positive")
	}
	out := data.NewRGB(w, h)
	resample(out, img, view{w: w, h: h, cols: w, rows: h}, a)
	return out
}

// view is a rectangle of an image that was mirrored where flip is set and then
// resized to w x h pixels.
type view struct {
	w, h       int
	left, top  int
	cols, rows int
	flip       bool
}

// buffers are reused between images: the filtered rows of one are about 1 MB.
var buffers = sync.Pool{New: func() any { return new([]uint8) }}

// resample writes the view of src into the upper left corner of dst, computing
// nothing outside it.
func resample(dst, src data.RGB, v view, a Arithmetic) {
	across := newKernel(src.W, v.w, v.left, v.cols, a)
	if v.flip {
		across.mirror(src.W)
	}
	down := newKernel(src.H, v.h, v.top, v.rows, a)
	first, last := down.span()

	buf := buffers.Get().(*[]uint8)
	defer buffers.Put(buf)
	stride := 3 * v.cols
	if need := stride * (last - first); cap(*buf) < need {
		*buf = make([]uint8, need)
	}
	rows := (*buf)[:stride*(last-first)]
	for y := first; y < last; y++ {
		across.filterRow(rows[(y-first)*stride:(y-first+1)*stride], src.Pix[3*y*src.W:3*(y+1)*src.W])
	}
	for i := range v.rows {
		down.blendRows(dst.Pix[3*i*dst.W:3*i*dst.W+stride], rows[(down.from[i]-first)*stride:], stride, i)
	}
}

// filterRow computes one row of RGB pixels from one row of the source.
func (k *kernel) filterRow(dst, src []uint8) {
	half, shift := int32(1)<<(k.shift-1), k.shift
	if k.taps == 2 {
		for i, from := range k.from {
			w0, w1 := k.weights[2*i], k.weights[2*i+1]
			p := src[3*from : 3*from+6 : 3*from+6]
			d := dst[3*i : 3*i+3 : 3*i+3]
			d[0] = uint8((half + w0*int32(p[0]) + w1*int32(p[3])) >> shift)
			d[1] = uint8((half + w0*int32(p[1]) + w1*int32(p[4])) >> shift)
			d[2] = uint8((half + w0*int32(p[2]) + w1*int32(p[5])) >> shift)
		}
		return
	}
	for i, from := range k.from {
		r, g, b := half, half, half
		p := src[3*from:]
		for _, w := range k.weights[i*k.taps : (i+1)*k.taps] {
			r += w * int32(p[0])
			g += w * int32(p[1])
			b += w * int32(p[2])
			p = p[3:]
		}
		dst[3*i], dst[3*i+1], dst[3*i+2] = uint8(r>>shift), uint8(g>>shift), uint8(b>>shift)
	}
}

// blendRows computes output row i from the taps rows that start at src.
func (k *kernel) blendRows(dst, src []uint8, stride, i int) {
	half, shift := int32(1)<<(k.shift-1), k.shift
	weights := k.weights[i*k.taps : (i+1)*k.taps]
	if k.taps == 2 {
		w0, w1 := weights[0], weights[1]
		a, b := src[:len(dst)], src[stride:stride+len(dst)]
		for x := range dst {
			dst[x] = uint8((half + w0*int32(a[x]) + w1*int32(b[x])) >> shift)
		}
		return
	}
	for x := range dst {
		sum := half
		for t, w := range weights {
			sum += w * int32(src[t*stride+x])
		}
		dst[x] = uint8(sum >> shift)
	}
}
