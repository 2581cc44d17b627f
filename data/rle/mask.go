package rle

import (
	"fmt"
	"math"

	"eomt/data"
)

// Mask is a binary mask of H x W pixels as run lengths in column-major order
// (down the first column, then the second), alternating outside and inside and
// starting with outside, whose first run may be 0. The zero Mask is an empty
// mask of size 0 x 0. Functions of this package never change Counts.
type Mask struct {
	H, W   int
	Counts []uint32
}

// FromCounts returns the mask of the given runs, which it keeps. It is an error
// if the runs do not add up to h*w.
func FromCounts(counts []uint32, h, w int) (Mask, error) {
	if err := checkSize(h, w); err != nil {
		return Mask{}, err
	}
	if err := checkSum(counts, h, w); err != nil {
		return Mask{}, err
	}
	return Mask{H: h, W: w, Counts: counts}, nil
}

// checkSize accepts sizes whose pixel count fits a run.
func checkSize(h, w int) error {
	if h < 0 || w < 0 || (w > 0 && h > math.MaxUint32/w) {
		return fmt.Errorf("rle: size %d x %d (height x width) is not a mask size; want sides of 0 or more and fewer than 2^32 pixels", h, w)
	}
	return nil
}

func checkSum(counts []uint32, h, w int) error {
	var sum uint64
	for _, c := range counts {
		sum += uint64(c)
	}
	if sum != uint64(h)*uint64(w) {
		return fmt.Errorf("rle: runs add up to %d pixels, want %d x %d = %d", sum, h, w, uint64(h)*uint64(w))
	}
	return nil
}

// Decode returns the mask as row-major bytes, length H*W, 1 inside and 0 outside.
func (m Mask) Decode() []uint8 {
	pix := make([]uint8, m.H*m.W)
	m.spans(func(x, y0, y1 int) {
		for at := y0*m.W + x; y0 < y1; y0, at = y0+1, at+m.W {
			pix[at] = 1
		}
	})
	return pix
}

// Paint sets mask number bit in every pixel of p that is inside m. It panics
// if p differs from m in size or has too few masks.
func (m Mask) Paint(p data.Planes, bit int) {
	if p.H != m.H || p.W != m.W || bit < 0 || bit >= 32*p.Words {
		panic(fmt.Sprintf("rle: Paint: mask %d of %d x %d pixels into planes of %d x %d with %d words",
			bit, m.H, m.W, p.H, p.W, p.Words))
	}
	word, value := bit/32, uint32(1)<<(bit%32)
	stride := p.W * p.Words
	m.spans(func(x, y0, y1 int) {
		for at := y0*stride + x*p.Words + word; y0 < y1; y0, at = y0+1, at+stride {
			p.Bits[at] |= value
		}
	})
}

// spans calls f for each vertical stretch inside m: column x, rows y0 <= y < y1.
func (m Mask) spans(f func(x, y0, y1 int)) {
	x, y := 0, 0
	for i, c := range m.Counts {
		n := int(c)
		if i%2 == 0 {
			if y += n; y >= m.H && n > 0 {
				x, y = x+y/m.H, y%m.H
			}
			continue
		}
		for n > 0 {
			end := min(m.H, y+n)
			f(x, y, end)
			n -= end - y
			if y = end; y == m.H {
				x, y = x+1, 0
			}
		}
	}
}

// Area returns the number of pixels inside.
func (m Mask) Area() int {
	area := 0
	for i := 1; i < len(m.Counts); i += 2 {
		area += int(m.Counts[i])
	}
	return area
}

// BBox returns the smallest box around the pixels inside as left, top, width
// and height in pixels; all 0 if the mask is empty.
func (m Mask) BBox() [4]int {
	left, right, top, bottom := m.W, -1, m.H, -1
	m.spans(func(x, y0, y1 int) {
		left, right = min(left, x), max(right, x)
		top, bottom = min(top, y0), max(bottom, y1-1)
	})
	if right < 0 {
		return [4]int{}
	}
	return [4]int{left, top, right - left + 1, bottom - top + 1}
}

// Merge returns the union of masks of one size, or their intersection. It
// panics if the sizes differ; no masks give the zero Mask.
func Merge(masks []Mask, intersect bool) Mask {
	if len(masks) == 0 {
		return Mask{}
	}
	merged := masks[0]
	for _, m := range masks[1:] {
		if m.H != merged.H || m.W != merged.W {
			panic(fmt.Sprintf("rle: Merge: masks of %d x %d and %d x %d pixels", merged.H, merged.W, m.H, m.W))
		}
		merged.Counts = mergeCounts(merged.Counts, m.Counts, intersect)
	}
	return merged
}

// mergeCounts walks both run lists in step and ends a run of the result where its
// value changes.
func mergeCounts(a, b []uint32, intersect bool) []uint32 {
	merged := make([]uint32, 0, len(a)+len(b))
	runsA, runsB := newRunReader(a), newRunReader(b)
	in, run := false, uint32(0)
	for more := true; more; {
		step := min(runsA.left, runsB.left)
		run += step
		runsA.advance(step)
		runsB.advance(step)
		more = runsA.left > 0 || runsB.left > 0
		was := in
		if in = runsA.inside || runsB.inside; intersect {
			in = runsA.inside && runsB.inside
		}
		if in != was || !more {
			merged = append(merged, run)
			run = 0
		}
	}
	return merged
}

// runReader is a position in a run list.
type runReader struct {
	left   uint32 // pixels of the current run still to come
	inside bool   // whether the current run is
	rest   []uint32
}

func newRunReader(counts []uint32) runReader {
	if len(counts) == 0 {
		return runReader{}
	}
	return runReader{left: counts[0], rest: counts[1:]}
}

// advance skips n <= left pixels, and then runs of length 0.
func (r *runReader) advance(n uint32) {
	r.left -= n
	for r.left == 0 && len(r.rest) > 0 {
		r.left, r.inside, r.rest = r.rest[0], !r.inside, r.rest[1:]
	}
}
