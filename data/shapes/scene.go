package shapes

import (
	"cmp"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"eomt/data"
	"eomt/data/rle"
)

// The classes. Their ids have gaps, as COCO's have.
const (
	circle = iota
	square
	triangle
	star
	sky
	grass
	water
	sand
)

const things = 4 // the first classes

var classes = []data.Class{
	circle:   {ID: 1, Name: "circle", Thing: true, Color: [3]uint8{220, 30, 40}},
	square:   {ID: 2, Name: "square", Thing: true, Color: [3]uint8{240, 220, 20}},
	triangle: {ID: 4, Name: "triangle", Thing: true, Color: [3]uint8{200, 40, 220}},
	star:     {ID: 7, Name: "star", Thing: true, Color: [3]uint8{40, 40, 40}},
	sky:      {ID: 90, Name: "sky", Color: [3]uint8{150, 200, 250}},
	grass:    {ID: 92, Name: "grass", Color: [3]uint8{50, 150, 50}},
	water:    {ID: 95, Name: "water", Color: [3]uint8{20, 90, 160}},
	sand:     {ID: 99, Name: "sand", Color: [3]uint8{210, 190, 160}},
}

// Classes returns the class table in order of ascending id.
func Classes() []data.Class { return append([]data.Class(nil), classes...) }

// scene is one image and its truth.
type scene struct {
	rng      *rand.Rand
	image    data.RGB
	owner    []int16 // [H*W] index into segments, or nobody
	segments []segment
	scale    float64 // of the things' radius
}

const nobody = -1 // owner of void pixels

// segment is a thing, a crowd of things, or all of a stuff class.
type segment struct {
	class int
	crowd bool
	// outline is the polygon of a thing, which others may cover in part.
	outline []float64
	full    int // pixels inside the outline
	visible int // pixels owned
}

// usualThings is the most things of an image where nothing else is asked for.
const usualThings = 5

// scene composes image i of a split.
func (c Config) scene(split string, i int) *scene {
	most, size := cmp.Or(c.Things, usualThings), c.Size
	h := fnv.New64a()
	h.Write([]byte(split))
	rng := rand.New(rand.NewPCG(c.Seed, h.Sum64()+uint64(i)))
	width, height := size, size
	switch short := size * 3 / 4; rng.IntN(4) {
	case 0:
		height = short
	case 1:
		width = short
	}
	s := &scene{rng: rng, image: data.NewRGB(width, height), owner: make([]int16, width*height)}
	s.scale = math.Sqrt(usualThings / float64(most))
	s.ground()
	if rng.IntN(4) == 0 {
		s.void()
	}
	for range 2 + rng.IntN(most-1) {
		s.thing()
	}
	if rng.IntN(8) == 0 {
		s.crowd()
	}
	s.grain()
	s.count()
	return s
}

// ground covers everything with two or three kinds of stuff: something above a
// wavy horizon, and below it one kind, or two beside each other.
func (s *scene) ground() {
	rng := s.rng
	w, h := float64(s.image.W), float64(s.image.H)
	kinds := rng.Perm(3)
	above, left, right := sky, grass+kinds[0], grass+kinds[0]
	if rng.IntN(5) == 0 {
		above = grass + kinds[2]
	}
	if rng.IntN(2) == 0 {
		right = grass + kinds[1]
	}
	horizon := s.wave(h*(.25+.3*rng.Float64()), .04*h, w)
	border := s.wave(w*(.3+.4*rng.Float64()), .06*w, h)
	segmentOf := map[int]int16{}
	for y := range s.image.H {
		for x := range s.image.W {
			class := above
			if float64(y) > horizon(float64(x)) {
				if class = left; float64(x) > border(float64(y)) {
					class = right
				}
			}
			if _, known := segmentOf[class]; !known {
				segmentOf[class] = int16(len(s.segments))
				s.segments = append(s.segments, segment{class: class})
			}
			s.owner[y*s.image.W+x] = segmentOf[class]
		}
	}
	for class := sky; class <= sand; class++ { // in fixed order: textures draw random numbers
		if at, used := segmentOf[class]; used {
			s.fill(s.stuff(class), func(pixel int) bool { return s.owner[pixel] == at })
		}
	}
}

// wave returns a curve around the given level.
func (s *scene) wave(level, amplitude, period float64) func(float64) float64 {
	phase, times := 2*math.Pi*s.rng.Float64(), 1+2*s.rng.Float64()
	return func(t float64) float64 { return level + amplitude*math.Sin(phase+times*2*math.Pi*t/period) }
}

// void draws a patch of gray static that belongs to no class.
func (s *scene) void() {
	mask := s.raster(s.outline(circle, s.radius()))
	for pixel, inside := range mask {
		if inside != 0 {
			s.owner[pixel] = nobody
		}
	}
	s.fill(s.static(), func(pixel int) bool { return mask[pixel] != 0 })
}

func (s *scene) radius() float64 {
	return float64(min(s.image.W, s.image.H)) * (.13 + .11*s.rng.Float64()) * s.scale
}

const (
	placings   = 20 // places tried for a thing
	minVisible = .5 // share of a thing that others must leave visible
)

// thing draws one thing on top, at a place where it does not hide another too much. If
// no such place is found, the scene has one thing fewer.
func (s *scene) thing() {
	class, radius := s.rng.IntN(things), s.radius()
	for range placings {
		outline := s.outline(class, radius)
		mask := s.raster(outline)
		if s.hides(mask) {
			continue
		}
		s.own(mask, segment{class: class, outline: outline})
		s.fill(s.surface(class, outline), func(pixel int) bool { return mask[pixel] != 0 })
		return
	}
}

// crowd draws a heap of small things of one class, which is a single group in the
// annotations.
func (s *scene) crowd() {
	class := s.rng.IntN(things)
	unit := float64(min(s.image.W, s.image.H))
	for range placings {
		x, y := s.rng.Float64()*.7*float64(s.image.W), s.rng.Float64()*.7*float64(s.image.H)
		union := make([]uint8, len(s.owner))
		var outlines [][]float64
		for range 6 + s.rng.IntN(4) {
			outline := regular(class, x+.3*unit*s.rng.Float64(), y+.3*unit*s.rng.Float64(), .05*unit, 7*s.rng.Float64())
			outlines = append(outlines, outline)
			for pixel, inside := range s.raster(outline) {
				union[pixel] |= inside
			}
		}
		if s.hides(union) {
			continue
		}
		s.own(union, segment{class: class, crowd: true})
		for _, outline := range outlines {
			mask := s.raster(outline)
			s.fill(s.surface(class, outline), func(pixel int) bool { return mask[pixel] != 0 })
		}
		return
	}
}

// hides reports whether a mask would cover too much of a thing below it.
func (s *scene) hides(mask []uint8) bool {
	covered := make([]int, len(s.segments))
	for pixel, inside := range mask {
		if inside != 0 && s.owner[pixel] != nobody {
			covered[s.owner[pixel]]++
		}
	}
	for i, g := range s.segments {
		if g.class < things && float64(g.visible-covered[i]) < minVisible*float64(g.full) {
			return true
		}
	}
	return false
}

// own gives the mask's pixels to a new segment.
func (s *scene) own(mask []uint8, g segment) {
	for pixel, inside := range mask {
		if inside == 0 {
			continue
		}
		g.full++
		if below := s.owner[pixel]; below != nobody {
			s.segments[below].visible--
		}
		s.owner[pixel] = int16(len(s.segments))
	}
	g.visible = g.full
	s.segments = append(s.segments, g)
}

// count counts each segment's visible pixels.
func (s *scene) count() {
	for i := range s.segments {
		s.segments[i].visible = 0
	}
	for _, at := range s.owner {
		if at != nobody {
			s.segments[at].visible++
		}
	}
}

// raster draws a polygon by COCO's own rule, so that the polygon in the
// annotations means exactly these pixels.
func (s *scene) raster(outline []float64) []uint8 {
	mask, err := rle.FromPolygons([][]float64{outline}, s.image.H, s.image.W)
	if err != nil {
		panic("shapes: " + err.Error()) // outlines are made here and sound
	}
	return mask.Decode()
}

// outline returns a polygon of the class at a random place and angle, wholly
// inside the image.
func (s *scene) outline(class int, radius float64) []float64 {
	x := radius + s.rng.Float64()*(float64(s.image.W)-2*radius)
	y := radius + s.rng.Float64()*(float64(s.image.H)-2*radius)
	return regular(class, x, y, radius, 2*math.Pi*s.rng.Float64())
}

// regular returns the polygon of a class around (x, y), in hundredths of a pixel
// as COCO's are.
func regular(class int, x, y, radius, angle float64) []float64 {
	corners := map[int]int{circle: 32, square: 4, triangle: 3, star: 10}[class]
	outline := make([]float64, 0, 2*corners)
	for k := range corners {
		r := radius
		if class == star && k%2 == 1 {
			r *= .45
		}
		sin, cos := math.Sincos(angle + 2*math.Pi*float64(k)/float64(corners))
		outline = append(outline, hundredth(x+r*cos), hundredth(y+r*sin))
	}
	return outline
}

func hundredth(v float64) float64 { return math.Round(100*v) / 100 }
