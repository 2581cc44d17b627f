package page

import (
	"cmp"
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Size of a chart on the page in its own units, about pixels on a phone and on
// a desktop alike: charts stand side by side instead of growing.
const (
	chartWidth, chartHeight = 360.0, 216.0
	marginTop, marginBottom = 10.0, 26.0
	letterWidth             = 6.4 // of the labels, on average
	lineHeight              = 12.5
	maxDirectLabel          = 18 // letters
)

// frame is the rectangle of a chart that holds its data.
type frame struct{ left, right, top, bottom float64 }

func (f frame) x(c chart, v float64) float64 { return f.left + c.x.at(v)*(f.right-f.left) }
func (f frame) y(c chart, v float64) float64 {
	return f.bottom - min(max(c.y.at(v), 0), 1)*(f.bottom-f.top)
}

// svg draws a chart in the page's colours (style.css), so that it follows light
// and dark. Lines carry their names for the hover values of script.js.
func (c chart) svg() template.HTML {
	f := frame{left: 12, right: chartWidth - 8, top: marginTop, bottom: chartHeight - marginBottom}
	for _, t := range c.y.ticks() {
		f.left = max(f.left, 10+letterWidth*float64(utf8.RuneCountInString(tickLabel(t))))
	}
	for _, s := range c.series {
		if s.name != "" {
			f.right = min(f.right, chartWidth-16-letterWidth*float64(utf8.RuneCountInString(shortened(s.name))))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" viewBox="0 0 %g %g" role="img" aria-label="%s" data-frame="%.2f %.2f %.2f %.2f" data-span="%g %g %g %g" data-log="%t">`,
		chartWidth, chartHeight, html.EscapeString(c.describe()), f.left, f.right, f.bottom, f.top, c.x.lo, c.x.hi, c.y.lo, c.y.hi, c.y.log)
	c.grid(&b, f)
	for _, s := range c.series {
		c.draw(&b, f, s)
	}
	c.directLabels(&b, f)
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// describe is the chart in words, for screen readers.
func (c chart) describe() string {
	text := c.title
	if c.of != "" {
		text += ", " + c.of
	}
	for _, s := range c.series {
		if pieces := s.pieces(c.y); len(pieces) > 0 {
			end, _ := s.end(c.y)
			name := ""
			if s.name != "" {
				name = s.name + " "
			}
			text += fmt.Sprintf("; %sfrom %.3g to %.3g", name, pieces[0][0].y, end.y)
		}
	}
	return text
}

func (c chart) grid(b *strings.Builder, f frame) {
	for _, t := range c.y.ticks() {
		y := f.y(c, t)
		fmt.Fprintf(b, `<path class="grid" d="M%.1f %.1fH%.1f"/><text class="tick" x="%.1f" y="%.1f" text-anchor="end">%s</text>`,
			f.left, y, f.right, f.left-5, y+3.5, tickLabel(t))
	}
	ticks := c.x.ticks()
	free := f.left // of labels, up to here
	for i, t := range ticks {
		x, label := f.x(c, t), tickLabel(t)
		if i == len(ticks)-1 && c.x.label != "" {
			label += " " + c.x.label
		}
		half := letterWidth * float64(utf8.RuneCountInString(label)) / 2
		middle := min(x, chartWidth-half)
		if i > 0 && middle-half < free+4 {
			continue
		}
		free = middle + half
		fmt.Fprintf(b, `<path class="axis" d="M%.1f %.1fv4"/><text class="tick" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`,
			x, f.bottom, middle, f.bottom+16, html.EscapeString(label))
	}
	fmt.Fprintf(b, `<path class="axis" d="M%.1f %.1fH%.1f"/>`, f.left, f.bottom, f.right)
	if c.diagonal {
		fmt.Fprintf(b, `<path class="diagonal" d="M%.1f %.1fL%.1f %.1f"/>`, f.left, f.bottom, f.right, f.top)
	}
}

func (c chart) draw(b *strings.Builder, f frame, s series) {
	if s.dots {
		for i, p := range s.points {
			title := strings.TrimSpace(fmt.Sprintf("%s %.3g, %.3g", s.name, p.x, p.y))
			fmt.Fprintf(b, `<circle %s cx="%.2f" cy="%.2f" r="%.2f"><title>%s</title></circle>`, s.ink.attributes("dot"), f.x(c, p.x), f.y(c, p.y),
				2+6*s.radius(i), html.EscapeString(title))
		}
		return
	}
	if s.spans() {
		for _, piece := range s.pieces(c.y) {
			fmt.Fprintf(b, `<path %s d="%s"/>`, s.ink.attributes("band"), c.band(f, piece))
		}
	}
	class := "line"
	if s.dashed {
		class = "line dashed"
	}
	var d strings.Builder
	for _, piece := range s.pieces(c.y) {
		for i, p := range piece {
			command := 'L'
			if i == 0 {
				command = 'M'
			}
			fmt.Fprintf(&d, "%c%.2f %.2f", command, f.x(c, p.x), f.y(c, p.y))
		}
		if len(s.points) <= 30 || len(piece) == 1 {
			for _, p := range piece {
				fmt.Fprintf(b, `<circle %s cx="%.2f" cy="%.2f" r="2"/>`, s.ink.attributes("mark"), f.x(c, p.x), f.y(c, p.y))
			}
		}
	}
	fmt.Fprintf(b, `<path %s data-name="%s" d="%s"/>`, s.ink.attributes(class), html.EscapeString(s.name), d.String())
}

// band is the outline of the values that the points stand for.
func (c chart) band(f frame, piece []point) string {
	var d strings.Builder
	for i, p := range piece {
		command := 'L'
		if i == 0 {
			command = 'M'
		}
		fmt.Fprintf(&d, "%c%.1f %.1f", command, f.x(c, p.x), f.y(c, p.high))
	}
	for _, p := range slices.Backward(piece) {
		low := f.y(c, p.low)
		if math.IsNaN(low) {
			low = f.bottom
		}
		fmt.Fprintf(&d, "L%.1f %.1f", f.x(c, p.x), low)
	}
	return d.String() + "Z"
}

// directLabels name the lines at their right ends, pushed apart where they would
// overlap.
func (c chart) directLabels(b *strings.Builder, f frame) {
	type label struct {
		series
		from, y float64
	}
	var labels []label
	for _, s := range c.series {
		if end, ok := s.end(c.y); ok && s.name != "" {
			y := f.y(c, end.y)
			labels = append(labels, label{s, y, y})
		}
	}
	slices.SortStableFunc(labels, func(a, b label) int { return cmp.Compare(a.y, b.y) })
	for i := range labels {
		lowest := f.top + lineHeight*float64(i)
		if i > 0 {
			lowest = labels[i-1].y + lineHeight
		}
		labels[i].y = max(labels[i].y, lowest)
	}
	for i, limit := len(labels)-1, f.bottom; i >= 0; i, limit = i-1, labels[i].y-lineHeight {
		labels[i].y = min(labels[i].y, limit)
	}
	for _, l := range labels {
		fmt.Fprintf(b, `<path %s d="M%.1f %.1fL%.1f %.1f"/><text class="name" x="%.1f" y="%.1f">%s</text>`,
			l.ink.attributes("leader"), f.right+1, l.from, f.right+9, l.y, f.right+12, l.y+3.5, html.EscapeString(shortened(l.name)))
	}
}

// shortened keeps the beginning and the end of a long name.
func shortened(name string) string {
	letters := []rune(name)
	if len(letters) <= maxDirectLabel {
		return name
	}
	half := maxDirectLabel / 2
	return string(letters[:half]) + "…" + string(letters[len(letters)-half+1:])
}
