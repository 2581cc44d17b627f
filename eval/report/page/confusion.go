package page

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"html"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// The displays of a confusion matrix: with a number in every cell, with every name at
// the margins, or as an overview with numbered ticks. Beyond the first, a table names
// the largest confusions.
const (
	maxCellNumbers = 12
	maxMarginNames = 40
	maxConfusions  = 20
)

// Share is the part of what is true of class t that was predicted as class p,
// in [0, 1]; NaN if class t does not occur.
func (c *Confusion) Share(t, p int) float64 {
	sum := 0.0
	for _, n := range c.Counts[t] {
		sum += n
	}
	return c.Counts[t][p] / sum // 0/0
}

// number is the share as it is printed.
func (c *Confusion) number(t, p int) Number {
	return Number{Key: c.Key + "/" + Key(c.Truth[t], c.Predicted[p]), Value: c.Share(t, p), Form: Percent}
}

// matrix is a confusion matrix for the template.
type matrix struct {
	*Confusion
	Run     string
	Cells   [][]matrixCell // of a table with numbers; otherwise nil
	Map     *heatMap       // otherwise
	Largest []confused
}

type matrixCell struct {
	Number
	Correct bool    // the names are the same
	Fill    float64 // opacity of the cell's colour
}

// confused is a class mistaken for another.
type confused struct {
	Truth, Predicted string
	Share            Number
}

// heatMap is a picture of the shares with labels at its margins, in units of
// one cell.
type heatMap struct {
	Picture       template.URL // one pixel per cell, the share its opacity
	Width, Height int          // cells
	Rows, Columns []marginLabel
	Names         bool // the labels are names, not numbers
	Tooltips      [][3]int
}

type marginLabel struct {
	At   float64
	Text string
}

func newMatrix(r Run) (matrix, error) {
	c := r.Confusion
	m := matrix{Confusion: c, Run: r.Name}
	if max(len(c.Truth), len(c.Predicted)) <= maxCellNumbers {
		for t := range c.Truth {
			row := make([]matrixCell, len(c.Predicted))
			for p := range row {
				n := c.number(t, p)
				row[p] = matrixCell{Number: n, Correct: c.Truth[t] == c.Predicted[p], Fill: math.Round(opacity(n.Value)*1000) / 1000}
			}
			m.Cells = append(m.Cells, row)
		}
		return m, nil
	}
	m.Largest = c.largest()
	var err error
	m.Map, err = c.heatMap()
	return m, err
}

// opacity is the square root of the share, to keep small shares visible. NaN is empty.
func opacity(share float64) float64 {
	if math.IsNaN(share) {
		return 0
	}
	return math.Sqrt(share)
}

func (c *Confusion) heatMap() (*heatMap, error) {
	h := &heatMap{Width: len(c.Predicted), Height: len(c.Truth)}
	picture := image.NewNRGBA(image.Rect(0, 0, h.Width, h.Height))
	for t := range c.Truth {
		for p := range c.Predicted {
			share := c.Share(t, p)
			picture.SetNRGBA(p, t, color.NRGBA{runColors[0].R, runColors[0].G, runColors[0].B, uint8(math.Round(255 * opacity(share)))})
			if percent := int(math.Round(1000 * share)); share > 0 && percent > 0 {
				h.Tooltips = append(h.Tooltips, [3]int{t, p, percent})
			}
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		return nil, fmt.Errorf("page: draw confusion matrix: %w", err)
	}
	h.Picture = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(file.Bytes()))
	h.Names = max(h.Width, h.Height) <= maxMarginNames
	h.Rows, h.Columns = margin(c.Truth, h.Names), margin(c.Predicted, h.Names)
	return h, nil
}

// margin labels every class by name, or every tenth by its number in the order
// of the class table.
func margin(names []string, byName bool) []marginLabel {
	var labels []marginLabel
	for i, name := range names {
		switch {
		case byName:
			labels = append(labels, marginLabel{float64(i) + 0.5, name})
		case (i+1)%10 == 0:
			labels = append(labels, marginLabel{float64(i) + 0.5, fmt.Sprint(i + 1)})
		}
	}
	return labels
}

// largest are the largest shares off the diagonal.
func (c *Confusion) largest() []confused {
	var all []confused
	for t := range c.Truth {
		for p := range c.Predicted {
			if c.Truth[t] != c.Predicted[p] && c.Counts[t][p] > 0 {
				all = append(all, confused{Truth: c.Truth[t], Predicted: c.Predicted[p], Share: c.number(t, p)})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b confused) int { return cmp.Compare(b.Share.Value, a.Share.Value) })
	return all[:min(len(all), maxConfusions)]
}

// SVG draws the map in the page's colours. The picture lies at the origin, so
// that script.js finds the cell under the pointer.
func (h *heatMap) SVG() template.HTML {
	cell, class := 440/float64(max(h.Width, h.Height)), "heat"
	left, top := 26.0, 18.0
	if h.Names {
		cell, class, left, top = 16, "heat named", 0, 0
		for _, l := range h.Rows {
			left = max(left, 8+letterWidth*float64(utf8.RuneCountInString(l.Text)))
		}
		for _, l := range h.Columns {
			top = max(top, 8+letterWidth*float64(utf8.RuneCountInString(l.Text)))
		}
	}
	width, height := cell*float64(h.Width), cell*float64(h.Height)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="%s" viewBox="%.1f %.1f %.1f %.1f" role="img" aria-label="Confusion matrix of %d true and %d predicted classes">`,
		class, -left, -top, left+width+1, top+height+1, h.Height, h.Width)
	fmt.Fprintf(&b, `<image href="%s" width="%.2f" height="%.2f" preserveAspectRatio="none" style="image-rendering:pixelated"/><rect width="%.2f" height="%.2f"/>`,
		h.Picture, width, height, width, height)
	for _, l := range h.Rows {
		fmt.Fprintf(&b, `<text x="-4" y="%.1f" text-anchor="end">%s</text>`, l.At*cell+3.5, html.EscapeString(l.Text))
	}
	for _, l := range h.Columns {
		if h.Names {
			fmt.Fprintf(&b, `<text transform="translate(%.1f -4) rotate(-90)">%s</text>`, l.At*cell+3.5, html.EscapeString(l.Text))
		} else {
			fmt.Fprintf(&b, `<text x="%.1f" y="-5" text-anchor="middle">%s</text>`, l.At*cell, l.Text)
		}
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}
