package page

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-text/typesetting/font/opentype"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"

	"eomt/internal/lettering"
)

// Size of a figure in a paper: a column's width, and its letters' size there.
const (
	paperWidth, paperHeight = 8.5 * vg.Centimeter, 5.6 * vg.Centimeter
	paperLetters            = font.Length(8)
	paperMargin             = 2 * vg.Millimeter
)

// paperFigures are the charts and confusion matrices as files for papers, by
// file name: NAME.svg and NAME.pdf.
func paperFigures(r Content) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, c := range slices.Concat(append(curves(r), calibrationCharts(r.Runs))...) {
		p, err := c.paper()
		if err != nil {
			return nil, fmt.Errorf("page: draw figure %s: %w", c.name, err)
		}
		if err := save(files, c.name, p, paperWidth, paperHeight); err != nil {
			return nil, err
		}
	}
	for i, run := range r.Runs {
		if run.Confusion == nil {
			continue
		}
		name := "confusion"
		if len(r.Runs) > 1 {
			name = runFile(name, i, run)
		}
		p, side := run.Confusion.paper()
		if err := save(files, name, p, side, side); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func save(files map[string][]byte, name string, p *plot.Plot, width, height vg.Length) error {
	for format, canvas := range map[string]vg.CanvasWriterTo{"svg": vgsvg.New(width, height), "pdf": latin{vgpdf.New(width, height)}} {
		p.Draw(draw.Crop(draw.NewCanvas(canvas, width, height), paperMargin, -paperMargin, paperMargin, -paperMargin))
		var file bytes.Buffer
		if _, err := canvas.WriteTo(&file); err != nil {
			return fmt.Errorf("page: draw figure %s: %w", name, err)
		}
		files[name+"."+format] = file.Bytes()
	}
	return nil
}

// latin is a PDF whose fonts have Western European letters. Text with others is
// drawn as outlines, as package lettering sets it.
type latin struct{ *vgpdf.Canvas }

// FillString writes the text in Windows' code page 1252, as the PDF's fonts are.
func (c latin) FillString(f font.Face, at vg.Point, text string) {
	text = strings.ReplaceAll(text, "\u202f", "\u00a0")
	if !lettering.IsLatin(text) {
		c.Fill(outline(lettering.Set(text, f.Font.Size.Points()), at))
		return
	}
	codes := make([]byte, 0, len(text))
	for _, r := range text {
		if r == '–' {
			r = 0x96
		}
		codes = append(codes, byte(r))
	}
	c.Canvas.FillString(f, at, string(codes))
}

// outline is a line of text as a path.
func outline(line lettering.Line, at vg.Point) vg.Path {
	var path vg.Path
	for i, s := range line.Outline {
		var p [3]vg.Point
		for k, q := range s.Args {
			p[k] = vg.Point{X: at.X + vg.Length(q.X), Y: at.Y + vg.Length(q.Y)}
		}
		switch s.Op {
		case opentype.SegmentOpMoveTo:
			if i > 0 {
				path.Close()
			}
			path.Move(p[0])
		case opentype.SegmentOpLineTo:
			path.Line(p[0])
		case opentype.SegmentOpQuadTo:
			path.QuadTo(p[0], p[1])
		case opentype.SegmentOpCubeTo:
			path.CubeTo(p[0], p[1], p[2])
		}
	}
	if len(path) > 0 {
		path.Close()
	}
	return path
}

// blank is a plot without data, with small sans-serif letters.
func blank() *plot.Plot {
	p := plot.New()
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle,
		&p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font.Variant, style.Font.Size = "Sans", paperLetters
	}
	return p
}

// paper draws the chart by gonum/plot.
func (c chart) paper() (*plot.Plot, error) {
	p := blank()
	p.X.Label.Text, p.Y.Label.Text = c.x.label, c.title
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = c.x.lo, c.x.hi, c.y.lo, c.y.hi
	p.X.Tick.Marker, p.Y.Tick.Marker = ticker(c.x), ticker(c.y)
	if c.y.log {
		p.Y.Scale = plot.LogScale{}
	}
	p.Legend.Top = c.legendAbove()
	if c.diagonal {
		line, err := plotter.NewLine(plotter.XYs{{X: 0, Y: 0}, {X: 1, Y: 1}})
		if err != nil {
			return nil, err
		}
		line.Color, line.Dashes = color.Gray{0x80}, []vg.Length{2, 2}
		p.Add(line)
	}
	for _, s := range c.series {
		if err := c.addBand(p, s); err != nil {
			return nil, err
		}
	}
	for _, s := range c.series {
		if err := c.add(p, s); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// legendAbove puts the legend to the right end of the lines' other side.
func (c chart) legendAbove() bool {
	sum, n := 0.0, 0
	for _, s := range c.series {
		for _, p := range s.points[len(s.points)*2/3:] {
			if at := c.y.at(p.y); !math.IsNaN(at) {
				sum, n = sum+at, n+1
			}
		}
	}
	return n == 0 || sum/float64(n) < 0.5
}

func (c chart) add(p *plot.Plot, s series) error {
	ink := s.ink.color()
	if s.dots {
		return addDots(p, s, ink)
	}
	for i, piece := range s.pieces(c.y) {
		xys := make(plotter.XYs, len(piece))
		for k, q := range piece {
			xys[k] = plotter.XY{X: q.x, Y: min(max(q.y, c.y.lo), c.y.hi)}
		}
		line, points, err := plotter.NewLinePoints(xys)
		if err != nil {
			return err
		}
		line.Color, line.Width = ink, 1
		points.GlyphStyle = draw.GlyphStyle{Color: ink, Radius: 1, Shape: draw.CircleGlyph{}}
		if s.dashed {
			line.Dashes = []vg.Length{3, 2}
		}
		p.Add(line)
		if len(s.points) <= 30 || len(piece) == 1 {
			p.Add(points)
		}
		if i == 0 && s.name != "" {
			p.Legend.Add(s.name, line)
		}
	}
	return nil
}

// addBand shades what the points of a line span.
func (c chart) addBand(p *plot.Plot, s series) error {
	if !s.spans() {
		return nil
	}
	for _, piece := range s.pieces(c.y) {
		var outline plotter.XYs
		for _, q := range piece {
			outline = append(outline, plotter.XY{X: q.x, Y: min(max(q.high, c.y.lo), c.y.hi)})
		}
		for _, q := range slices.Backward(piece) {
			outline = append(outline, plotter.XY{X: q.x, Y: min(max(q.low, c.y.lo), c.y.hi)})
		}
		band, err := plotter.NewPolygon(outline)
		if err != nil {
			return err
		}
		band.Color, band.LineStyle.Width = toward(white, s.ink.color(), 0.25), 0
		p.Add(band)
	}
	return nil
}

func addDots(p *plot.Plot, s series, ink color.Color) error {
	xys := make(plotter.XYs, len(s.points))
	for i, q := range s.points {
		xys[i] = plotter.XY{X: q.x, Y: q.y}
	}
	if len(xys) == 0 {
		return nil
	}
	scatter, err := plotter.NewScatter(xys)
	if err != nil {
		return err
	}
	scatter.GlyphStyleFunc = func(i int) draw.GlyphStyle {
		return draw.GlyphStyle{Color: ink, Radius: vg.Length(1 + 4*s.radius(i)), Shape: draw.CircleGlyph{}}
	}
	p.Add(scatter)
	return nil
}

// ticker labels an axis at the page's ticks, without letters missing in a PDF's fonts.
func ticker(a axis) plot.Ticker {
	return plot.TickerFunc(func(float64, float64) []plot.Tick {
		var ticks []plot.Tick
		for _, t := range a.ticks() {
			ticks = append(ticks, plot.Tick{Value: t, Label: plainTick.Replace(strconv.FormatFloat(t, 'g', 6, 64))})
		}
		return ticks
	})
}

var plainTick = strings.NewReplacer("e-0", "e-", "e+0", "e")

// paper draws the shares with every class's name, however many: small letters
// can be enlarged in a PDF. The second result is the figure's side.
func (c *Confusion) paper() (*plot.Plot, vg.Length) {
	p := blank()
	p.X.Label.Text, p.Y.Label.Text = "prediction", "truth"
	count := max(len(c.Truth), len(c.Predicted))
	side := max(paperWidth, vg.Length(count)*vg.Length(9)+4*vg.Centimeter)
	p.X.Tick.Marker, p.Y.Tick.Marker = names(c.Predicted, false), names(c.Truth, true)
	p.X.Tick.Length, p.Y.Tick.Length = 0, 0
	p.X.Tick.Label.Rotation = math.Pi / 2
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XRight, draw.YCenter
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, float64(len(c.Predicted)), 0, float64(len(c.Truth))
	p.Add(cells{c})
	return p, side
}

// names labels the middle of each cell; downwards where rows are counted from
// the top.
func names(names []string, down bool) plot.Ticker {
	return plot.TickerFunc(func(float64, float64) []plot.Tick {
		var ticks []plot.Tick
		for i, name := range names {
			at := float64(i) + 0.5
			if down {
				at = float64(len(names)) - at
			}
			ticks = append(ticks, plot.Tick{Value: at, Label: name + " "}) // a letter from the cells
		}
		return ticks
	})
}

var white = color.RGBA{0xff, 0xff, 0xff, 0xff}

// cells is the plotter of a confusion matrix.
type cells struct{ *Confusion }

// Plot fills the cells that have a share.
func (c cells) Plot(canvas draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&canvas)
	for t := range c.Truth {
		for k := range c.Predicted {
			strength := opacity(c.Share(t, k))
			if strength == 0 {
				continue
			}
			left, right := x(float64(k)), x(float64(k+1))
			top, bottom := y(float64(len(c.Truth)-t)), y(float64(len(c.Truth)-t-1))
			canvas.FillPolygon(toward(white, runColors[0], strength),
				[]vg.Point{{X: left, Y: bottom}, {X: left, Y: top}, {X: right, Y: top}, {X: right, Y: bottom}})
		}
	}
}
