package transform

import (
	"encoding/binary"
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

// Resize scales img to w x h pixels, antialiased when it shrinks. Pixel centres
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
		row := src.Pix[3*y*src.W:]
		if y == src.H-1 {
			row = append(row[:len(row):len(row)], 0)
		}
		across.filterRow(rows[(y-first)*stride:(y-first+1)*stride], row)
	}
	for i := range v.rows {
		down.blendRows(dst.Pix[3*i*dst.W:3*i*dst.W+stride], rows[(down.from[i]-first)*stride:], stride, i)
	}
}

// filterRow computes one row of RGB pixels from one row of the source, which
// has a spare byte at its end: pixels are read four bytes at a time. Red and
// blue are summed in the halves of one word.
func (k *kernel) filterRow(dst, src []uint8) {
	half, shift := uint64(1)<<(k.shift-1), k.shift
	if k.taps == 2 { // enlarging: too few taps for packing to pay
		k.filterRow2(dst, src)
		return
	}
	for i, from := range k.from {
		rb, g := half|half<<32, half
		p := src[3*from:]
		for _, w := range k.weights[i*k.taps : (i+1)*k.taps] {
			v, w := uint64(binary.LittleEndian.Uint32(p)), uint64(w)
			rb += (v&0xff | v&0xff0000<<16) * w
			g += v >> 8 & 0xff * w
			p = p[3:]
		}
		d := dst[3*i : 3*i+3 : 3*i+3]
		d[0], d[1], d[2] = uint8(rb>>shift), uint8(g>>shift), uint8(rb>>32>>shift)
	}
}

// filterRow2 is filterRow for two taps.
func (k *kernel) filterRow2(dst, src []uint8) {
	half, shift := int32(1)<<(k.shift-1), k.shift
	for i, from := range k.from {
		w0, w1 := k.weights[2*i], k.weights[2*i+1]
		p := src[3*from : 3*from+6 : 3*from+6]
		d := dst[3*i : 3*i+3 : 3*i+3]
		d[0] = uint8((half + w0*int32(p[0]) + w1*int32(p[3])) >> shift)
		d[1] = uint8((half + w0*int32(p[1]) + w1*int32(p[4])) >> shift)
		d[2] = uint8((half + w0*int32(p[2]) + w1*int32(p[5])) >> shift)
	}
}

// blendRows computes output row i from the taps rows that start at src. Eight
// bytes are filtered at once, two of them in the halves of each of four sums;
// no sum reaches 32 bits.
func (k *kernel) blendRows(dst, src []uint8, stride, i int) {
	const lanes = 0x000000ff_000000ff
	half, shift := uint64(1)<<(k.shift-1), k.shift
	weights := k.weights[i*k.taps : (i+1)*k.taps]
	x := 0
	for ; x+8 <= len(dst); x += 8 {
		s0 := half | half<<32
		s1, s2, s3 := s0, s0, s0
		at := x
		for _, w := range weights {
			v, w := binary.LittleEndian.Uint64(src[at:at+8]), uint64(w)
			s0 += (v & lanes) * w
			s1 += (v >> 8 & lanes) * w
			s2 += (v >> 16 & lanes) * w
			s3 += (v >> 24 & lanes) * w
			at += stride
		}
		sum := s0>>shift&lanes | s1>>shift&lanes<<8 | s2>>shift&lanes<<16 | s3>>shift&lanes<<24
		binary.LittleEndian.PutUint64(dst[x:x+8], sum)
	}
	for ; x < len(dst); x++ {
		sum := half
		for t, w := range weights {
			sum += uint64(src[t*stride+x]) * uint64(w)
		}
		dst[x] = uint8(sum >> shift)
	}
}
