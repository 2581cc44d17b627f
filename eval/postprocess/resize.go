package postprocess

import "eomt/data/transform"

// axis states how each output position along one side is blended from two inputs:
// first[i]*in[lo[i]] + second[i]*in[hi[i]]. Centres are at half-integers, without
// antialiasing (PyTorch's interpolate, mode bilinear, align_corners and antialias
// off).
type axis struct {
	lo, hi        []int32
	first, second []float32
}

// newAxis is the first n of out positions over in inputs.
func newAxis(in, out, n int) axis {
	a := axis{make([]int32, n), make([]int32, n), make([]float32, n), make([]float32, n)}
	scale := float32(in) / float32(out)
	for i := range n {
		at := max(0, float32(scale*(float32(i)+0.5))-0.5)
		lo := min(int(at), in-1)
		a.lo[i], a.hi[i] = int32(lo), int32(min(lo+1, in-1))
		a.second[i] = min(at-float32(lo), 1)
		a.first[i] = 1 - a.second[i]
	}
	return a
}

func (a axis) len() int { return len(a.lo) }

// cut keeps outputs [from, to), of inputs that begin at base.
func (a axis) cut(from, to, base int) axis {
	c := axis{make([]int32, to-from), make([]int32, to-from), a.first[from:to], a.second[from:to]}
	for i := range c.lo {
		c.lo[i], c.hi[i] = a.lo[from+i]-int32(base), a.hi[from+i]-int32(base)
	}
	return c
}

// stretch blends a row of inputs into a row of outputs.
func (a axis) stretch(dst, src []float32) {
	dst = dst[:len(a.lo)]
	hi, first, second := a.hi[:len(a.lo)], a.first[:len(a.lo)], a.second[:len(a.lo)]
	for i, lo := range a.lo {
		dst[i] = float32(first[i]*src[lo]) + float32(second[i]*src[hi[i]])
	}
}

// reach marks the outputs that depend on a marked input.
func (a axis) reach(in []bool) []bool {
	out := make([]bool, a.len())
	for i := range out {
		out[i] = in[a.lo[i]] || in[a.hi[i]]
	}
	return out
}

// resizer resizes a mask from the grid to the original image: bilinear to the padded
// size, cropped to the part that the image fills, bilinear to the original size. If
// the last two sizes agree the second step is skipped.
type resizer struct {
	gridW        int
	originX      int  // first grid column that is read
	x1, y1       axis // grid -> resized part of the padded image
	x2, y2       axis // resized -> original
	single       bool // the second step is skipped
	width, rows  int  // of the result
	fromX, fromY int  // its place in the original image
}

func newResizer(gridH, gridW int, g transform.Geometry) *resizer {
	return &resizer{
		gridW:  gridW,
		x1:     newAxis(gridW, g.Padded.W, g.Resized.W),
		y1:     newAxis(gridH, g.Padded.H, g.Resized.H),
		x2:     newAxis(g.Resized.W, g.Original.W, g.Original.W),
		y2:     newAxis(g.Resized.H, g.Original.H, g.Original.H),
		single: g.Resized == g.Original,
		width:  g.Original.W,
		rows:   g.Original.H,
	}
}

// around is the resizer of the smallest box of original pixels outside which a
// resized plane cannot be positive, since every output is a mean of inputs. It
// is nil if no logit is positive.
func (r *resizer) around(plane []float32) *resizer {
	cols, rows := make([]bool, r.gridW), make([]bool, len(plane)/r.gridW)
	for y := range rows {
		for x, v := range plane[y*r.gridW : (y+1)*r.gridW] {
			if v > 0 {
				cols[x], rows[y] = true, true
			}
		}
	}
	x0, x1 := bounds(r.x2.reach(r.x1.reach(cols)))
	y0, y1 := bounds(r.y2.reach(r.y1.reach(rows)))
	if x0 == x1 || y0 == y1 {
		return nil
	}
	box := *r
	box.fromX, box.fromY, box.width, box.rows = x0, y0, x1-x0, y1-y0
	from, to := x0, x1 // of the resized image
	if !r.single {
		from, to = int(r.x2.lo[x0]), int(r.x2.hi[x1-1])+1
	}
	box.originX = int(r.x1.lo[from])
	box.x2 = r.x2.cut(x0, x1, from)
	box.x1 = r.x1.cut(from, to, box.originX)
	return &box
}

// bounds is the smallest range [from, to) that holds every mark.
func bounds(marks []bool) (from, to int) {
	for i, m := range marks {
		if m {
			if to == 0 {
				from = i
			}
			to = i + 1
		}
	}
	return from, to
}

// rowReader computes the rows of one resized plane. Read in ascending order, it
// stretches every row of the grid and of the resized image only once.
type rowReader struct {
	*resizer
	plane       []float32
	gridRows    twoRows // of the grid, stretched to the resized width
	resizedRows twoRows // of the resized image, stretched to the original width
	row         []float32
}

// twoRows holds an odd and an even row; a blend needs two neighbours.
type twoRows struct {
	index [2]int
	row   [2][]float32
}

func newTwoRows(width int) twoRows {
	return twoRows{index: [2]int{-1, -1}, row: [2][]float32{make([]float32, width), make([]float32, width)}}
}

func (r *resizer) reader(plane []float32) *rowReader {
	reader := &rowReader{resizer: r, plane: plane, gridRows: newTwoRows(r.x1.len())}
	if !r.single {
		reader.resizedRows = newTwoRows(r.width)
		reader.row = make([]float32, r.x1.len())
	}
	return reader
}

// read computes row y, counted from the box's top, into dst[:width].
func (r *rowReader) read(dst []float32, y int) {
	y += r.fromY
	if r.single {
		r.resized(dst, y)
		return
	}
	a := r.resizedRow(int(r.y2.lo[y]))
	blend(dst[:r.width], a, r.resizedRow(int(r.y2.hi[y])), r.y2.first[y], r.y2.second[y])
}

func (r *rowReader) resizedRow(y int) []float32 {
	slot := y & 1
	if r.resizedRows.index[slot] != y {
		r.resized(r.row, y)
		r.x2.stretch(r.resizedRows.row[slot], r.row)
		r.resizedRows.index[slot] = y
	}
	return r.resizedRows.row[slot]
}

// resized computes row y of the resized image.
func (r *rowReader) resized(dst []float32, y int) {
	a := r.gridRow(int(r.y1.lo[y]))
	blend(dst[:r.x1.len()], a, r.gridRow(int(r.y1.hi[y])), r.y1.first[y], r.y1.second[y])
}

func (r *rowReader) gridRow(y int) []float32 {
	slot := y & 1
	if r.gridRows.index[slot] != y {
		r.x1.stretch(r.gridRows.row[slot], r.plane[y*r.gridW+r.originX:(y+1)*r.gridW])
		r.gridRows.index[slot] = y
	}
	return r.gridRows.row[slot]
}

func blend(dst, a, b []float32, first, second float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = float32(first*a[i]) + float32(second*b[i])
	}
}
