package transform

import "eomt/data"

// cropMasks resizes all masks together to the view, pads them to w x h pixels and
// keeps the targets that are not crowds and have a pixel left, in order.
func cropMasks(src data.Planes, targets []data.Instance, v view, w, h int) (data.Planes, []data.Instance) {
	across := nearest(src.W, v.w, v.left, v.cols)
	if v.flip {
		for i, x := range across {
			across[i] = src.W - 1 - x
		}
	}
	down := nearest(src.H, v.h, v.top, v.rows)

	seen, keep := union(src, across, down), make([]uint32, src.Words)
	var kept []data.Instance
	for m, target := range targets {
		if bit := seen[m/32] & (1 << (m % 32)); bit != 0 && !target.Crowd {
			kept = append(kept, target)
			keep[m/32] |= bit
		}
	}
	out := data.NewPlanes(w, h, len(kept))
	if len(kept) == 0 {
		return out, nil
	}
	p := newPacker(keep, out.Words)
	last := -1
	for i, y := range down {
		dst := out.Bits[i*w*out.Words : (i*w+len(across))*out.Words]
		if y == last { // enlarged: the same as the row above
			copy(dst, out.Bits[(i-1)*w*out.Words:])
			continue
		}
		p.row(dst, src.Bits[y*src.W*src.Words:(y+1)*src.W*src.Words], across)
		last = y
	}
	return out, kept
}

// nearest returns for outputs lo..lo+n-1 the input floor(i * in/out), in single
// precision as in torch.
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
		for i := range seen {
			word := uint32(0)
			for _, x := range columns {
				word |= row[x*src.Words+i]
			}
			seen[i] |= word
		}
	}
	return seen
}
