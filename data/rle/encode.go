package rle

import (
	"encoding/binary"
	"fmt"
)

// Encode returns the mask of the pixels that are not zero. pix is row-major,
// length h*w; Encode panics if it is not.
func Encode(pix []uint8, h, w int) Mask {
	if len(pix) != h*w {
		panic(fmt.Sprintf("rle: Encode: %d pixels, want %d x %d", len(pix), h, w))
	}
	var edges []edgePixel
	if h > 0 {
		edges = topEdges(pix, h, w)
	}
	for y := 1; y < h; y++ {
		edges = appendEdges(edges, pix[(y-1)*w:y*w], pix[y*w:(y+1)*w], y)
	}
	counts := make([]uint32, 0, len(edges)+1)
	last := uint32(0)
	for _, at := range inColumns(edges, h, w) {
		counts = append(counts, at-last)
		last = at
	}
	return Mask{H: h, W: w, Counts: append(counts, uint32(h*w)-last)}
}

// edgePixel is a pixel that differs, inside or outside, from the one before it in
// column-major order.
type edgePixel struct{ x, y uint32 }

// topEdges finds the edges in the first row, whose pixels follow the last of the
// column before.
func topEdges(pix []uint8, h, w int) []edgePixel {
	var edges []edgePixel
	before := false
	for x := range w {
		if (pix[x] != 0) != before {
			edges = append(edges, edgePixel{x: uint32(x)})
		}
		before = pix[(h-1)*w+x] != 0
	}
	return edges
}

// appendEdges finds the edges of row y, eight pixels at a time, as most have none.
func appendEdges(edges []edgePixel, above, row []uint8, y int) []edgePixel {
	x := 0
	for ; x+8 <= len(row); x += 8 {
		if binary.LittleEndian.Uint64(above[x:]) != binary.LittleEndian.Uint64(row[x:]) {
			edges = appendEdgesOf(edges, above[x:x+8], row[x:x+8], x, y)
		}
	}
	return appendEdgesOf(edges, above[x:], row[x:], x, y)
}

func appendEdgesOf(edges []edgePixel, above, row []uint8, x, y int) []edgePixel {
	for i, v := range row {
		if (v != 0) != (above[i] != 0) {
			edges = append(edges, edgePixel{uint32(x + i), uint32(y)})
		}
	}
	return edges
}

// inColumns sorts edges, which come row by row, into column-major indices.
func inColumns(edges []edgePixel, h, w int) []uint32 {
	next := make([]uint32, w+1)
	for _, e := range edges {
		next[e.x+1]++
	}
	for x := range w {
		next[x+1] += next[x]
	}
	places := make([]uint32, len(edges))
	for _, e := range edges {
		places[next[e.x]] = e.x*uint32(h) + e.y
		next[e.x]++
	}
	return places
}
