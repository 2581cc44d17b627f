package postprocess

import (
	"fmt"

	"eomt/data/transform"
)

// Labels is an image's semantic segmentation: the class index of each pixel,
// row-major [H, W].
type Labels struct {
	W, H int
	Pix  []uint16
}

// Semantic joins the windows of one image: in each window a class's score at a
// pixel is the sum over queries of class probability times mask probability, at
// the window's size; scores of overlapping windows are averaged, resized to the
// original image, and every pixel gets the class of the highest (the first of
// equals). (to_per_pixel_logits_semantic, revert_window_logits_semantic,
// training/lightning_module.py at 7bd19dd)
//
// windows[i] holds the logits of the window at p.Starts[i]. It panics if their
// numbers differ or a window's slices do not have their lengths.
func Semantic(windows []Logits, p transform.WindowPlan) Labels {
	if len(windows) != len(p.Starts) {
		panic(fmt.Sprintf("postprocess: semantic: logits of %d windows, the image has %d", len(windows), len(p.Starts)))
	}
	s := &scorer{plan: p, classes: windows[0].Classes,
		x: newAxis(p.Resized.W, p.Original.W, p.Original.W),
		y: newAxis(p.Resized.H, p.Original.H, p.Original.H)}
	size := transform.Size{W: p.Side, H: p.Side}
	r := newResizer(windows[0].MaskH, windows[0].MaskW, transform.Geometry{Original: size, Resized: size, Padded: size})
	for i, l := range windows {
		l.mustBeOne("semantic")
		s.windows = append(s.windows, newWindow(l, r, p.Starts[i]))
	}
	out := Labels{W: p.Original.W, H: p.Original.H, Pix: make([]uint16, p.Original.W*p.Original.H)}
	strips(out.H, func(from, to int) {
		rows := s.rows()
		for y := from; y < to; y++ {
			rows.label(out.Pix[y*out.W:(y+1)*out.W], y)
		}
	})
	return out
}

// window is one window's logits, ready to be resized.
type window struct {
	resizer *resizer
	start   int
	planes  [][]float32 // [Q][MaskH*MaskW]
	weights []float32   // [Q, C] class probabilities without no-object
	classes int
}

func newWindow(l Logits, r *resizer, start int) window {
	w := window{resizer: r, start: start, classes: l.Classes, weights: make([]float32, 0, l.Queries*l.Classes)}
	probabilities, n := l.probabilities(), l.Classes+1
	for q := range l.Queries {
		w.planes = append(w.planes, l.plane(q))
		w.weights = append(w.weights, probabilities[q*n:q*n+l.Classes]...)
	}
	return w
}

// scorer is shared by the strips of an image.
type scorer struct {
	plan    transform.WindowPlan
	classes int
	windows []window
	x, y    axis // resized -> original
}

// scoreRows computes rows of labels of one strip. Read in ascending order, it scores
// every row of the resized image once.
type scoreRows struct {
	*scorer
	readers   [][]*rowReader // [windows][Q]
	masks     []float32      // [Q, Side] mask probabilities of one window's row
	scores    []float32      // [C, Side]
	sums      []float32      // [C, Resized.W]
	stretched twoRows        // [C, Original.W], stretched
	best      []float32      // [Original.W]
	blended   []float32      // [Original.W]
}

func (s *scorer) rows() *scoreRows {
	queries := len(s.windows[0].planes)
	r := &scoreRows{scorer: s,
		readers:   make([][]*rowReader, len(s.windows)),
		masks:     make([]float32, queries*s.plan.Side),
		scores:    make([]float32, s.classes*s.plan.Side),
		sums:      make([]float32, s.classes*s.plan.Resized.W),
		stretched: newTwoRows(s.classes * s.plan.Original.W),
		best:      make([]float32, s.plan.Original.W),
		blended:   make([]float32, s.plan.Original.W),
	}
	for i, w := range s.windows {
		for _, plane := range w.planes {
			r.readers[i] = append(r.readers[i], w.resizer.reader(plane))
		}
	}
	return r
}

// label writes the classes of row y of the original image.
func (r *scoreRows) label(dst []uint16, y int) {
	a, b := r.stretchedRow(int(r.y.lo[y])), r.stretchedRow(int(r.y.hi[y]))
	width := len(dst)
	blend(r.best, a, b, r.y.first[y], r.y.second[y])
	clear(dst)
	for c := 1; c < r.classes; c++ {
		blend(r.blended, a[c*width:], b[c*width:], r.y.first[y], r.y.second[y])
		for x, score := range r.blended {
			if score > r.best[x] {
				r.best[x], dst[x] = score, uint16(c)
			}
		}
	}
}

// stretchedRow is row y of the resized image's scores, [C, Original.W].
func (r *scoreRows) stretchedRow(y int) []float32 {
	slot := y & 1
	if r.stretched.index[slot] != y {
		r.average(y)
		width := r.plan.Resized.W
		for c := range r.classes {
			r.x.stretch(r.stretched.row[slot][c*r.plan.Original.W:], r.sums[c*width:(c+1)*width])
		}
		r.stretched.index[slot] = y
	}
	return r.stretched.row[slot]
}

// average fills sums with row y of the windows' mean scores.
func (r *scoreRows) average(y int) {
	clear(r.sums)
	counts := make([]float32, r.plan.Resized.W)
	side := r.plan.Side
	for i := range r.windows {
		w := &r.windows[i]
		left, row := w.start, y
		if r.plan.Down {
			left, row = 0, y-w.start
		}
		if row < 0 || row >= side {
			continue
		}
		r.score(w, r.readers[i], row)
		for c := range r.classes {
			sums := r.sums[c*r.plan.Resized.W+left:][:side]
			for x, score := range r.scores[c*side : (c+1)*side] {
				sums[x] += score
			}
		}
		for x := range side {
			counts[left+x]++
		}
	}
	for c := range r.classes {
		sums := r.sums[c*len(counts) : (c+1)*len(counts)]
		for x, n := range counts {
			sums[x] /= n
		}
	}
}

// score fills scores with row y of a window.
func (r *scoreRows) score(w *window, readers []*rowReader, y int) {
	side := r.plan.Side
	for q, reader := range readers {
		row := r.masks[q*side : (q+1)*side]
		reader.read(row, y)
		for x, logit := range row {
			row[x] = sigmoid(logit)
		}
	}
	multiply(r.scores, w.weights, r.masks, len(readers), r.classes)
}
