package page

import (
	"math"
)

// chart is one figure of lines or dots, drawn on the page and as a figure for papers.
type chart struct {
	name   string // of its files, unique
	title  string
	of     string // a subtitle: the run, a unit
	x, y   axis
	series []series
	// diagonal is drawn where x and y should be equal.
	diagonal bool
}

// series is one line, or dots.
type series struct {
	name   string // direct label; empty if the title says it
	ink    ink
	dashed bool
	dots   bool // no line; areas in proportion to weight, or small if there is none
	points []point
}

// point is one value drawn. low and high span the values it stands for.
type point struct{ x, y, low, high, weight float64 }

// radius is that of dot i, relative to that of the largest dot there can be.
func (s series) radius(i int) float64 {
	heaviest := 0.0
	for _, p := range s.points {
		heaviest = max(heaviest, p.weight)
	}
	if heaviest == 0 {
		return 0.3
	}
	return math.Sqrt(s.points[i].weight / heaviest)
}

// maxPoints is the number of points that a line on the page can show, maxFanPoints
// that of each of several lines close together.
const maxPoints, maxFanPoints = 300, 100

// thin replaces runs of consecutive points by their means where there are more
// than n, so that a line of any length is drawn with at most n points and every value
// contributes. Values that are not finite are excluded from the means; a mean of none
// is NaN, a gap in the line.
func thin(points []point, n int) []point {
	group := groupOf(len(points), n)
	if group <= 1 {
		return points
	}
	thinned := make([]point, 0, n)
	for from := 0; from < len(points); from += group {
		thinned = append(thinned, mean(points[from:min(from+group, len(points))]))
	}
	return thinned
}

// groupOf is how many of `count` points one stands for where there is room for n.
func groupOf(count, n int) int { return (count + n - 1) / n }

func mean(points []point) point {
	m := point{low: math.Inf(1), high: math.Inf(-1)}
	finite := 0.0
	for _, p := range points {
		m.x += p.x / float64(len(points))
		if math.IsNaN(p.y) {
			continue
		}
		finite++
		m.y += p.y
		m.low, m.high = min(m.low, p.low), max(m.high, p.high)
	}
	if m.y /= finite; finite == 0 { // 0/0
		m.low, m.high = m.y, m.y
	}
	return m
}

// spans says that some point stands for more than one value.
func (s series) spans() bool {
	for _, p := range s.points {
		if p.high > p.low {
			return true
		}
	}
	return false
}

// pieces are the segments of drawable points between gaps.
func (s series) pieces(y axis) [][]point {
	var pieces [][]point
	var open []point
	for _, p := range s.points {
		if at := y.at(p.y); math.IsNaN(at) || math.IsInf(at, 0) {
			if open != nil {
				pieces = append(pieces, open)
			}
			open = nil
			continue
		}
		open = append(open, p)
	}
	if open != nil {
		pieces = append(pieces, open)
	}
	return pieces
}

// end is the last drawable point.
func (s series) end(y axis) (point, bool) {
	pieces := s.pieces(y)
	if len(pieces) == 0 {
		return point{}, false
	}
	last := pieces[len(pieces)-1]
	return last[len(last)-1], true
}
