package rle

import (
	"fmt"
	"math"
	"slices"
)

const (
	polygonScale = 5       // the boundary is drawn on a grid this much finer
	polygonLimit = 1 << 26 // of a coordinate, in pixels: 5 times it fits 32 bits
)

// FromPolygons returns the union of the polygons, each x0, y0, x1, y1, ... in
// pixels of an h x w image, closed from the last point to the first. Points may
// lie outside the image. It is an error if there is no polygon, one has an odd
// count of numbers or no point at all, or a number is not finite or beyond
// 2^26.
//
// Source: cocoapi common/maskApi.c at 8c9bcc3c, rleFrPoly and rleMerge, as
// pycocotools' annToRLE calls them; the result is the same, run for run.
func FromPolygons(polys [][]float64, h, w int) (Mask, error) {
	if err := checkSize(h, w); err != nil {
		return Mask{}, err
	}
	if len(polys) == 0 {
		return Mask{}, fmt.Errorf("rle: no polygon, want at least one")
	}
	var merged Mask
	var b boundary
	for i, xy := range polys {
		if err := checkPolygon(xy); err != nil {
			return Mask{}, fmt.Errorf("rle: polygon %d of %d: %w", i+1, len(polys), err)
		}
		m := Mask{H: h, W: w, Counts: b.runs(xy, h, w)}
		if i == 0 {
			merged = m
		} else {
			merged.Counts = mergeCounts(merged.Counts, m.Counts, false)
		}
	}
	return merged, nil
}

func checkPolygon(xy []float64) error {
	if len(xy) == 0 || len(xy)%2 != 0 {
		return fmt.Errorf("%d numbers, want pairs of x and y", len(xy))
	}
	for i, v := range xy {
		if !(math.Abs(v) <= polygonLimit) {
			return fmt.Errorf("number %d is %v, want a coordinate in pixels", i+1, v)
		}
	}
	return nil
}

// boundary is scratch space, reused from polygon to polygon.
type boundary struct {
	starts  []uint32 // column-major indices at which the inside begins or ends
	sorted  []uint32
	columns []int32 // where a column's next start goes in sorted
}

// runs rasterises a polygon to runs.
//
// The reference draws every edge point by point on the fine grid and keeps the
// steps between fine columns 5c+2 and 5c+3, which is the middle of pixel column
// c. Here only those steps are computed, from the same float64 expressions.
func (b *boundary) runs(xy []float64, h, w int) []uint32 {
	b.starts = b.starts[:0]
	n := len(xy) / 2
	x1, y1 := fine(xy[2*n-2]), fine(xy[2*n-1])
	for j := range n {
		x0, y0 := x1, y1
		x1, y1 = fine(xy[2*j]), fine(xy[2*j+1])
		b.starts = edge(b.starts, x0, y0, x1, y1, h, w)
	}
	b.sort(h)
	return boundaryRuns(append(b.sorted, uint32(h*w)))
}

// sort puts starts, in order, into sorted: columns by counting, and then the few
// starts of each, mostly two.
func (b *boundary) sort(h int) {
	b.sorted = append(b.sorted[:0], b.starts...)
	if len(b.starts) == 0 {
		return
	}
	least, greatest := slices.Min(b.starts), slices.Max(b.starts)
	height := uint32(max(h, 1))
	first := least / height
	b.columns = append(b.columns[:0], make([]int32, greatest/height-first+2)...)
	for _, v := range b.starts {
		b.columns[v/height-first+1]++
	}
	for c := 1; c < len(b.columns); c++ {
		b.columns[c] += b.columns[c-1]
	}
	for _, v := range b.starts {
		at := &b.columns[v/height-first]
		b.sorted[*at] = v
		*at++
	}
	begin := int32(0)
	for _, end := range b.columns[:len(b.columns)-1] {
		switch column := b.sorted[begin:end]; {
		case len(column) > 2:
			slices.Sort(column)
		case len(column) == 2 && column[0] > column[1]:
			column[0], column[1] = column[1], column[0]
		}
		begin = end
	}
}

// fine scales a coordinate to the fine grid. The conversions to float64 keep a
// compiler from fusing the product and the sum, which rounds differently.
func fine(v float64) int { return int(float64(polygonScale*v) + .5) }

// edge appends the crossings of one edge with the middles of pixel columns.
func edge(starts []uint32, x0, y0, x1, y1, h, w int) []uint32 {
	dx, dy := abs(x1-x0), abs(y1-y0)
	if dx == 0 {
		return starts
	}
	if (dx >= dy && x0 > x1) || (dx < dy && y0 > y1) {
		x0, y0, x1, y1 = x1, y1, x0, y0
	}
	// Columns c with fine steps 5c+2 to 5c+3 between the ends.
	first := max(0, ceilDiv(min(x0, x1)-2, polygonScale))
	last := min(w-1, floorDiv(max(x0, x1)-3, polygonScale))
	if dx >= dy {
		slope := float64(y1-y0) / float64(dx)
		at := func(x int) int { return int(float64(y0) + float64(slope*float64(x-x0)) + .5) }
		for c := first; c <= last; c++ {
			left := polygonScale*c + 2
			starts = append(starts, crossing(c, min(at(left), at(left+1)), h))
		}
		return starts
	}
	slope := float64(x1-x0) / float64(dy)
	at := func(t int) int { return int(float64(x0) + float64(slope*float64(t)) + .5) }
	for c := first; c <= last; c++ {
		t := lastBefore(at, float64(x0), slope, polygonScale*c+2, dy)
		starts = append(starts, crossing(c, y0+t, h))
	}
	return starts
}

// lastBefore returns the last step t, 0 <= t < dy, of a steep edge before it
// passes between fine columns left and left+1, in either direction.
func lastBefore(at func(t int) int, x0, slope float64, left, dy int) int {
	before := func(t int) bool { return (at(t) <= left) == (slope > 0) }
	t := min(max(int((float64(left)+.5-x0)/slope), 0), dy-1)
	for t > 0 && !before(t) {
		t--
	}
	for t+1 < dy && before(t+1) {
		t++
	}
	return t
}

// crossing returns the column-major index of the first pixel centre in column
// c at or below fine row v, kept inside the column's h pixels and its end.
func crossing(c, v, h int) uint32 {
	y := (float64(v)+.5)/polygonScale - .5
	y = math.Ceil(min(max(y, 0), float64(h)))
	return uint32(c*h + int(y))
}

// boundaryRuns turns sorted indices into runs: two crossings at one index cancel.
func boundaryRuns(starts []uint32) []uint32 {
	runs := make([]uint32, 1, len(starts))
	runs[0] = starts[0]
	for j := 1; j < len(starts); j++ {
		if d := starts[j] - starts[j-1]; d > 0 {
			runs = append(runs, d)
		} else if j++; j < len(starts) {
			runs[len(runs)-1] += starts[j] - starts[j-1]
		}
	}
	return runs
}

func abs(v int) int { return max(v, -v) }

func floorDiv(a, b int) int {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}

func ceilDiv(a, b int) int { return -floorDiv(-a, b) }
