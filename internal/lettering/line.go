package lettering

import (
	"image"
	"image/draw"
	"math"
	"slices"

	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// Line is a text in one line, ready to be drawn.
type Line struct {
	Text  string  // as drawn: see [Readable]
	Width float64 // in the unit of the size
	// Outline is the letters' contours, from the start of the base line, x to the
	// right and y up, to be filled by the non-zero winding rule.
	Outline []opentype.Segment
}

// Set sets text in letters of a size, pixels or points an em. Scripts that join
// letters or run from right to left are shaped as they are written.
func Set(text string, size float64) Line {
	installed.mu.Lock()
	defer installed.mu.Unlock()
	return installed.set(text, size)
}

func (f *fonts) set(text string, size float64) Line {
	line := Line{Text: f.readable(text)}
	for _, run := range f.shape(line.Text, size) {
		for _, glyph := range run.Glyphs {
			line.add(run.Face, glyph, size)
		}
	}
	return line
}

// shape turns text into glyphs, in runs of one face and direction from left to right.
func (f *fonts) shape(text string, size float64) []shaping.Output {
	letters := []rune(text)
	var segmenter shaping.Segmenter
	var runs []shaping.Output
	for _, input := range segmenter.Split(shaping.Input{Text: letters, RunEnd: len(letters), Direction: di.DirectionLTR,
		Face: f.base, Size: fixed.Int26_6(math.Round(64 * size)), Language: language.NewLanguage("en")}, f) {
		runs = append(runs, f.shaper.Shape(input))
	}
	leftToRight(runs)
	return runs
}

// leftToRight brings runs into the order in which they stand: neighbours that are
// written from right to left change places.
func leftToRight(runs []shaping.Output) {
	for from := 0; from < len(runs); from++ {
		to := from
		for to < len(runs) && runs[to].Direction.Progression() == di.TowardTopLeft {
			to++
		}
		slices.Reverse(runs[from:to])
		from = max(from, to-1)
	}
}

// add appends a glyph to the line.
func (l *Line) add(face *font.Face, glyph shaping.Glyph, size float64) {
	outline, _ := face.GlyphDataOutline(glyph.GlyphID)
	scale := float32(size) / float32(face.Upem())
	x, y := float32(l.Width)+pixels(glyph.XOffset), pixels(glyph.YOffset)
	for _, segment := range outline.Segments {
		points := segment.ArgsSlice()
		for i, p := range points {
			points[i] = opentype.SegmentPoint{X: x + scale*p.X, Y: y + scale*p.Y}
		}
		l.Outline = append(l.Outline, segment)
	}
	l.Width += float64(pixels(glyph.Advance))
}

func pixels(v fixed.Int26_6) float32 { return float32(v) / 64 }

// Draw fills the line with ink; (x, y) is the start of its base line in pixels.
func (l Line) Draw(dst draw.Image, x, y int, ink image.Image) {
	bounds := l.bounds()
	if bounds.Empty() {
		return
	}
	r := vector.NewRasterizer(bounds.Dx(), bounds.Dy())
	at := func(p opentype.SegmentPoint) (float32, float32) {
		return p.X - float32(bounds.Min.X), -p.Y - float32(bounds.Min.Y)
	}
	for _, s := range l.Outline {
		ax, ay := at(s.Args[0])
		bx, by := at(s.Args[1])
		cx, cy := at(s.Args[2])
		switch s.Op {
		case opentype.SegmentOpMoveTo:
			r.ClosePath()
			r.MoveTo(ax, ay)
		case opentype.SegmentOpLineTo:
			r.LineTo(ax, ay)
		case opentype.SegmentOpQuadTo:
			r.QuadTo(ax, ay, bx, by)
		case opentype.SegmentOpCubeTo:
			r.CubeTo(ax, ay, bx, by, cx, cy)
		}
	}
	r.ClosePath()
	mask := image.NewAlpha(image.Rectangle{Max: bounds.Size()})
	r.Draw(mask, mask.Rect, image.Opaque, image.Point{})
	draw.DrawMask(dst, bounds.Add(image.Pt(x, y)), ink, image.Point{}, mask, image.Point{}, draw.Over)
}

// bounds holds all contours, in pixels with y down, from the start of the base line.
func (l Line) bounds() image.Rectangle {
	left, top, right, bottom := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, s := range l.Outline {
		for _, p := range s.ArgsSlice() {
			left, right = min(left, float64(p.X)), max(right, float64(p.X))
			top, bottom = min(top, -float64(p.Y)), max(bottom, -float64(p.Y))
		}
	}
	if left > right {
		return image.Rectangle{}
	}
	return image.Rect(int(math.Floor(left)), int(math.Floor(top)), int(math.Ceil(right)), int(math.Ceil(bottom)))
}
