package shapes

import "math"

// texture is the colour of a pixel, 0 to 255 per channel; values beyond are clipped.
type texture func(x, y float64) [3]float64

// fill paints the pixels that inside chooses.
func (s *scene) fill(t texture, inside func(pixel int) bool) {
	for pixel := range s.owner {
		if !inside(pixel) {
			continue
		}
		color := t(float64(pixel%s.image.W), float64(pixel/s.image.W))
		for c, v := range color {
			s.image.Pix[3*pixel+c] = clip(v)
		}
	}
}

func clip(v float64) uint8 { return uint8(max(0, min(255, v+.5))) }

// grain adds the same slight noise everywhere.
func (s *scene) grain() {
	for i, v := range s.image.Pix {
		s.image.Pix[i] = clip(float64(v) + 4*s.rng.NormFloat64())
	}
}

// tint returns a class's colour in a random shade.
func (s *scene) tint(class int, spread float64) [3]float64 {
	light := spread * s.rng.NormFloat64()
	var color [3]float64
	for c, v := range classes[class].Color {
		color[c] = float64(v) + light + spread/2*s.rng.NormFloat64()
	}
	return color
}

func lighten(color [3]float64, by float64) [3]float64 {
	for c := range color {
		color[c] += by
	}
	return color
}

// stuff returns the texture of a stuff class: sky brightens downwards, grass has
// blades, water waves, sand speckles.
func (s *scene) stuff(class int) texture {
	base := s.tint(class, 10)
	phase := 2 * math.Pi * s.rng.Float64()
	switch unit := float64(max(s.image.W, s.image.H)); class {
	case sky:
		return func(x, y float64) [3]float64 {
			cloud := math.Sin(phase+9*x/unit) * math.Sin(phase+14*y/unit)
			return lighten(base, 25*y/unit+12*cloud)
		}
	case grass:
		return func(x, y float64) [3]float64 {
			return lighten(base, 14*math.Sin(phase+1.9*x+.5*math.Sin(.8*y))+10*s.rng.NormFloat64())
		}
	case water:
		return func(x, y float64) [3]float64 {
			return lighten(base, 18*math.Sin(phase+.9*y+math.Sin(.25*x)))
		}
	default:
		return func(x, y float64) [3]float64 { return lighten(base, 16*s.rng.NormFloat64()) }
	}
}

// static is the texture of void.
func (s *scene) static() texture {
	return func(x, y float64) [3]float64 {
		v := 255 * s.rng.Float64()
		return [3]float64{v, v, v}
	}
}

// surface returns the texture of one thing: its class's colour with a gradient, so
// that two things of a class differ where they meet.
func (s *scene) surface(class int, outline []float64) texture {
	base := s.tint(class, 14)
	x0, y0 := outline[0], outline[1]
	angle := 2 * math.Pi * s.rng.Float64()
	sin, cos := math.Sincos(angle)
	slope := 80 / float64(max(s.image.W, s.image.H))
	return func(x, y float64) [3]float64 {
		return lighten(base, slope*((x-x0)*cos+(y-y0)*sin))
	}
}
