package rle

import "math"

// Boundary returns the pixels of the mask within a distance of its contour, for
// Boundary IoU: those whose surrounding square, that distance to each side, extends
// beyond the mask or the image. The distance is ratio times the image's diagonal,
// rounded, and at least 1; the paper's ratio is 0.02.
//
// Source: Cheng et al., Boundary IoU, CVPR 2021; mask_to_boundary of
// boundary-iou-api at 37d25586.
func (m Mask) Boundary(ratio float64) Mask {
	diagonal := math.Sqrt(float64(m.H)*float64(m.H) + float64(m.W)*float64(m.W))
	distance := max(1, int(math.RoundToEven(ratio*diagonal)))
	inner := m.erodeRows(distance).erodeColumns(distance)
	return Mask{H: m.H, W: m.W, Counts: mergeCounts(m.Counts, complement(inner.Counts), true)}
}

// erodeRows removes d pixels from both ends of every vertical run.
func (m Mask) erodeRows(d int) Mask {
	var counts []uint32
	end := 0 // of the last run
	m.spans(func(x, y0, y1 int) {
		if y0, y1 = y0+d, y1-d; y0 < y1 {
			begin := x*m.H + y0
			counts = append(counts, uint32(begin-end), uint32(y1-y0))
			end = begin + y1 - y0
		}
	})
	return Mask{H: m.H, W: m.W, Counts: append(counts, uint32(m.H*m.W-end))}
}

// erodeColumns keeps the pixels whose d neighbours to the left and right are all
// inside. A window of n columns is the intersection of two narrower ones.
func (m Mask) erodeColumns(d int) Mask {
	window := 2*d + 1
	eroded := m.Counts // of the columns x-width+1 to x
	for width := 1; width < window; {
		by := min(width, window-width)
		eroded = mergeCounts(eroded, shiftRight(eroded, by*m.H, m.H*m.W), true)
		width += by
	}
	return Mask{H: m.H, W: m.W, Counts: shiftLeft(eroded, d*m.H, m.H*m.W)}
}

// shiftRight moves runs by n pixels towards the end of size pixels.
func shiftRight(counts []uint32, n, size int) []uint32 {
	n = min(n, size)
	shifted := append([]uint32(nil), counts...)
	if len(shifted) == 0 {
		return shifted
	}
	for left := uint32(n); left > 0; { // off the end
		last := len(shifted) - 1
		cut := min(left, shifted[last])
		shifted[last] -= cut
		if left -= cut; left > 0 {
			shifted = shifted[:last]
		}
	}
	shifted[0] += uint32(n) // after the cut, so that it never exceeds size
	return shifted
}

// shiftLeft moves runs by n pixels towards the beginning of size pixels; outside
// pixels enter at the end.
func shiftLeft(counts []uint32, n, size int) []uint32 {
	n = min(n, size)
	shifted := append([]uint32(nil), counts...)
	for i, left := 0, uint32(n); left > 0 && i < len(shifted); i++ {
		cut := min(left, shifted[i])
		shifted[i] -= cut
		left -= cut
	}
	if len(shifted)%2 == 1 {
		shifted[len(shifted)-1] += uint32(n)
		return shifted
	}
	return append(shifted, uint32(n))
}

// complement swaps inside and outside.
func complement(counts []uint32) []uint32 {
	if len(counts) > 0 && counts[0] == 0 {
		return counts[1:]
	}
	return append([]uint32{0}, counts...)
}
