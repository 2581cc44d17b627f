package page

import (
	"fmt"
	"image/color"
)

// ink is the colour of a line or dot: a run's, or a position on a ramp for ordered
// lines. The page takes it from style.css, which has light and dark variants; papers
// use the light ones.
type ink struct {
	run    int
	onRamp bool
	ramp   float64 // in [0, 1]
}

func ofRun(i int) ink     { return ink{run: i % len(runColors)} }
func ofRamp(i, n int) ink { return ink{onRamp: true, ramp: float64(i+1) / float64(n)} }

// runColors distinguish runs, also for colour-blind readers: blue, vermilion, green,
// purple, orange and sky blue, after Okabe and Ito. style.css has the same in order.
var runColors = [...]color.RGBA{
	{0x00, 0x72, 0xb2, 0xff},
	{0xd5, 0x5e, 0x00, 0xff},
	{0x00, 0x9e, 0x73, 0xff},
	{0xb3, 0x55, 0x8c, 0xff},
	{0xc9, 0x8a, 0x00, 0xff},
	{0x3a, 0x9b, 0xd8, 0xff},
}

// The ends of the ramp: the first query block would be light, the final
// prediction is dark.
var rampEarly, rampLate = color.RGBA{0xa9, 0xd8, 0xb0, 0xff}, color.RGBA{0x16, 0x33, 0x7a, 0xff}

// attributes are an SVG element's class, and its colour.
func (k ink) attributes(class string) string {
	if k.onRamp {
		return fmt.Sprintf(`class="%s ramp" style="--at:%.0f%%"`, class, 100*k.ramp)
	}
	return fmt.Sprintf(`class="%s c%d"`, class, k.run)
}

// color is the ink on white paper.
func (k ink) color() color.RGBA {
	if k.onRamp {
		return toward(rampEarly, rampLate, k.ramp)
	}
	return runColors[k.run]
}

// toward is the part'th way from one opaque colour to another.
func toward(from, to color.RGBA, part float64) color.RGBA {
	mix := func(a, b uint8) uint8 { return uint8(float64(a)*(1-part) + float64(b)*part) }
	return color.RGBA{mix(from.R, to.R), mix(from.G, to.G), mix(from.B, to.B), 0xff}
}
