package overlay

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"

	"eomt/data"
	"eomt/internal/lettering"
)

const (
	cover    = .55 // opacity of a target's colour
	dim      = .35 // darkening of pixels without a target
	minSide  = 320 // smaller images are enlarged by an integer factor, so that names fit
	minNamed = 600 // least pixels of the drawing for a target to be named
	nameSize = 13  // font size of names, in pixels
)

// Draw returns the sample's image with its targets on it: each mask in its class's
// colour, things of a class in different shades, outlines in white, crowds
// hatched, the name of the class in the middle. Where masks overlap the later one
// is on top; pixels without a target are darkened.
func Draw(s *data.Sample, classes []data.Class) *image.NRGBA {
	factor := max(1, (minSide+max(s.Image.W, s.Image.H)-1)/max(1, s.Image.W, s.Image.H))
	owner := topmost(s)
	out := image.NewNRGBA(image.Rect(0, 0, s.Image.W*factor, s.Image.H*factor))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			pixel := y/factor*s.Image.W + x/factor
			out.SetNRGBA(x, y, shade(s, classes, owner, pixel, x, y))
		}
	}
	for m, at := range middles(s, owner) {
		if at.area*factor*factor >= minNamed {
			write(out, classes[s.Instances[m].Class].Name, at.x*factor, at.y*factor)
		}
	}
	return out
}

// Plain returns the image alone, enlarged as [Draw] does.
func Plain(img data.RGB) *image.NRGBA {
	factor := max(1, (minSide+max(img.W, img.H)-1)/max(1, img.W, img.H))
	out := image.NewNRGBA(image.Rect(0, 0, img.W*factor, img.H*factor))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			p := img.Pix[3*(y/factor*img.W+x/factor):]
			out.SetNRGBA(x, y, color.NRGBA{p[0], p[1], p[2], 255})
		}
	}
	return out
}

// nobody owns pixels without a target.
const nobody = -1

// topmost returns the last target of each pixel.
func topmost(s *data.Sample) []int {
	owner := make([]int, s.Image.W*s.Image.H)
	for pixel := range owner {
		owner[pixel] = nobody
		x, y := pixel%s.Image.W, pixel/s.Image.W
		for m := len(s.Instances) - 1; m >= 0; m-- {
			if s.Masks.At(x, y, m) {
				owner[pixel] = m
				break
			}
		}
	}
	return owner
}

// shade is the colour of pixel (x, y) of the drawing.
func shade(s *data.Sample, classes []data.Class, owner []int, pixel, x, y int) color.NRGBA {
	under := s.Image.Pix[3*pixel : 3*pixel+3]
	m := owner[pixel]
	if m == nobody {
		return mix(under, [3]uint8{}, 1-dim)
	}
	right := pixel%s.Image.W+1 < s.Image.W && owner[pixel+1] != m
	below := pixel+s.Image.W < len(owner) && owner[pixel+s.Image.W] != m
	if right || below {
		return color.NRGBA{255, 255, 255, 255}
	}
	instance := s.Instances[m]
	if instance.Crowd && (x+y)%12 < 4 {
		return mix(under, [3]uint8{255, 255, 255}, cover)
	}
	c := classes[instance.Class]
	if c.Thing {
		for channel, v := range c.Color {
			c.Color[channel] = uint8(min(255, int(v)*(5-m%3)/5+20*(m%3)))
		}
	}
	return mix(under, c.Color, cover)
}

// mix blends a colour over another with opacity part.
func mix(under []uint8, over [3]uint8, part float64) color.NRGBA {
	var out [3]uint8
	for c := range out {
		out[c] = uint8((1-part)*float64(under[c]) + part*float64(over[c]))
	}
	return color.NRGBA{out[0], out[1], out[2], 255}
}

type middle struct{ x, y, area int }

// middles returns for each target the visible pixel that is nearest to the mean of all.
func middles(s *data.Sample, owner []int) []middle {
	all := make([]middle, len(s.Instances))
	for pixel, m := range owner {
		if m != nobody {
			all[m].x += pixel % s.Image.W
			all[m].y += pixel / s.Image.W
			all[m].area++
		}
	}
	best := make([]int, len(all))
	for m := range all {
		if all[m].area > 0 {
			all[m].x, all[m].y = all[m].x/all[m].area, all[m].y/all[m].area
		}
		best[m] = nobody
	}
	distance := func(pixel int, c middle) int {
		dx, dy := pixel%s.Image.W-c.x, pixel/s.Image.W-c.y
		return dx*dx + dy*dy
	}
	for pixel, m := range owner {
		if m != nobody && (best[m] == nobody || distance(pixel, all[m]) < distance(best[m], all[m])) {
			best[m] = pixel
		}
	}
	for m, pixel := range best {
		if pixel != nobody {
			all[m].x, all[m].y = pixel%s.Image.W, pixel/s.Image.W
		}
	}
	return all
}

// write puts text in the middle of (x, y), white on black.
func write(dst *image.NRGBA, text string, x, y int) {
	const ascent, descent = nameSize * 3 / 4, nameSize / 3
	line := lettering.Set(text, nameSize)
	width := int(math.Ceil(line.Width))
	left := max(0, min(x-width/2, dst.Rect.Dx()-width))
	base := max(ascent+1, min(y+ascent/2, dst.Rect.Dy()-descent))
	box := image.Rect(left-2, base-ascent-1, left+width+2, base+descent)
	draw.Draw(dst, box, image.NewUniform(color.NRGBA{0, 0, 0, 160}), image.Point{}, draw.Over)
	line.Draw(dst, left, base, image.White)
}

// Note says in one line which names of classes are drawn in other letters because no
// installed font has theirs; it is empty if none is.
func Note(classes []data.Class) string {
	names := make([]string, len(classes))
	for i, c := range classes {
		names[i] = c.Name
	}
	return lettering.Note(names)
}

// Sheet puts rows of pictures together, each scaled to fit a square cell.
func Sheet(rows [][]*image.NRGBA, cell int) *image.NRGBA {
	const gap = 6
	columns := 0
	for _, row := range rows {
		columns = max(columns, len(row))
	}
	out := image.NewNRGBA(image.Rect(0, 0, columns*(cell+gap)+gap, len(rows)*(cell+gap)+gap))
	draw.Draw(out, out.Rect, image.NewUniform(color.NRGBA{32, 32, 32, 255}), image.Point{}, draw.Src)
	for r, row := range rows {
		for c, picture := range row {
			size := picture.Rect.Size()
			scale := float64(cell) / float64(max(size.X, size.Y))
			corner := image.Pt(gap+c*(cell+gap), gap+r*(cell+gap))
			to := image.Rectangle{corner, corner.Add(image.Pt(int(scale*float64(size.X)), int(scale*float64(size.Y))))}
			draw.ApproxBiLinear.Scale(out, to, picture, picture.Rect, draw.Src, nil)
		}
	}
	return out
}
