package transform

import "eomt/data"

// cropMasks resizes all masks at once to the view, pads them to w x h pixels and
// keeps the targets that are no crowd and have a pixel left, in their order.
func cropMasks(src data.Planes, targets []data.Instance, v view, w, h int) (data.Planes, []data.Instance) {
	across := nearest(src.W, v.w, v.left, v.cols)
	if v.flip {
		for i, x := range across {
			across[i] = src.W - 1 - x
		}
	}
	down := nearest(src.H, v.h, v.top, v.rows)

	seen := union(src, across, down)
	var kept []data.Instance
	var order []int // the old bit of every kept target
	for m, target := range targets {
		if !target.Crowd && seen[m/32]>>(m%32)&1 == 1 {
			kept = append(kept, target)
			order = append(order, m)
		}
	}
	if len(kept) == 0 {
		return data.Planes{}, nil
	}
	out := data.NewPlanes(w, h, len(kept))
	gather(out, src, across, down, order)
	return out, kept
}

// nearest gives for outputs lo..lo+n-1 the input floor(i * in/out), in single
// precision as torch computes it.
func nearest(in, out, lo, n int) []int {
	index := make([]int, n)
	scale := float32(in) / float32(out)
	for i := range index {
		index[i] = min(int(float32(lo+i)*scale), in-1)
	}
	return index
}

// union is the bitwise or of the pixels at the given columns and rows.
func union(src data.Planes, columns, rows []int) []uint32 {
	seen := make([]uint32, src.Words)
	last := -1
	for _, y := range rows {
		if y == last {
			continue
		}
		last = y
		row := src.Bits[y*src.W*src.Words : (y+1)*src.W*src.Words]
		for _, x := range columns {
			for i, word := range row[x*src.Words : (x+1)*src.Words] {
				seen[i] |= word
			}
		}
	}
	return seen
}

// gather copies the pixels at the given columns and rows into the upper left
// corner of out, bit order[i] of a pixel becoming its bit i.
func gather(out, src data.Planes, columns, rows []int, order []int) {
	var above []uint32 // the output row above
	last := -1
	for i, y := range rows {
		dst := out.Bits[i*out.W*out.Words : (i*out.W+len(columns))*out.Words]
		if y == last {
			copy(dst, above)
			continue
		}
		last, above = y, dst
		row := src.Bits[y*src.W*src.Words : (y+1)*src.W*src.Words]
		gatherRow(dst, row, columns, src.Words, out.Words, order)
	}
}

// gatherRow rearranges the bits of one row. Neighbours are mostly equal, so the
// last result is kept.
func gatherRow(dst, row []uint32, columns []int, words, outWords int, order []int) {
	var from, to []uint32
	for i, x := range columns {
		pixel := row[x*words : (x+1)*words]
		result := dst[i*outWords : (i+1)*outWords]
		if from != nil && equal(pixel, from) {
			copy(result, to)
			continue
		}
		for bit, m := range order {
			result[bit/32] |= pixel[m/32] >> (m % 32) & 1 << (bit % 32)
		}
		from, to = pixel, result
	}
}

func equal(a, b []uint32) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
