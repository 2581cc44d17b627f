package transform

import "eomt/data"

// Apply returns the jittered image, or img itself where nothing changes. All
// operations work on 8-bit samples, rounding down between them, as torchvision's
// v2 functional does; contrast moves towards the image's mean gray.
func (j Jitter) Apply(img data.RGB) data.RGB {
	if j.Brightness == 1 && j.Contrast == 1 && j.Saturation == 1 && j.Hue == 0 {
		return img
	}
	out := data.RGB{W: img.W, H: img.H, Pix: append([]uint8(nil), img.Pix...)}
	if j.Brightness != 1 {
		brightness(out.Pix, j.Brightness)
	}
	if j.Contrast != 1 && !j.ContrastLast {
		contrast(out.Pix, j.Contrast)
	}
	if j.Saturation != 1 {
		saturation(out.Pix, j.Saturation)
	}
	if j.Hue != 0 {
		hue(out.Pix, j.Hue)
	}
	if j.Contrast != 1 && j.ContrastLast {
		contrast(out.Pix, j.Contrast)
	}
	return out
}

// blend is a*ratio + b*(1-ratio), the product of b unrounded, truncated to 8 bits.
func blend(a uint8, b, ratio, rest float32) uint8 {
	return truncate(fma(b, rest, float32(a)*ratio))
}

// fma is x*y + z rounded once, as the vector units of the reference compute it.
func fma(x, y, z float32) float32 { return float32(float64(x)*float64(y) + float64(z)) }

func truncate(x float32) uint8 { return uint8(min(max(x, 0), 255)) }

func brightness(pix []uint8, factor float32) {
	var table [256]uint8
	for v := range table {
		table[v] = truncate(float32(v) * factor)
	}
	lookUp(pix, &table)
}

func contrast(pix []uint8, factor float32) {
	total := 0
	for i := 0; i+2 < len(pix); i += 3 {
		total += int(gray(pix[i], pix[i+1], pix[i+2]))
	}
	mean := float32(total) / float32(len(pix)/3)
	var table [256]uint8
	rest := float32(1 - float64(factor))
	for v := range table {
		table[v] = blend(uint8(v), mean, factor, rest)
	}
	lookUp(pix, &table)
}

func saturation(pix []uint8, factor float32) {
	rest := float32(1 - float64(factor))
	for i := 0; i+2 < len(pix); i += 3 {
		p := pix[i : i+3 : i+3]
		g := float32(gray(p[0], p[1], p[2]))
		p[0], p[1], p[2] = blend(p[0], g, factor, rest), blend(p[1], g, factor, rest), blend(p[2], g, factor, rest)
	}
}

func lookUp(pix []uint8, table *[256]uint8) {
	for i, v := range pix {
		pix[i] = table[v]
	}
}

// gray is the luma of a pixel, rounded down.
func gray(r, g, b uint8) uint8 {
	return uint8(fma(float32(b), 0.114, fma(float32(g), 0.587, float32(r)*0.2989)))
}

// hue turns the colour circle by shift turns, through HSV in single precision.
func hue(pix []uint8, shift float32) {
	for i := 0; i+2 < len(pix); i += 3 {
		p := pix[i : i+3 : i+3]
		p[0], p[1], p[2] = turn(p[0], p[1], p[2], shift)
	}
}

func turn(r8, g8, b8 uint8, shift float32) (uint8, uint8, uint8) {
	const unit = float32(1. / 255)
	r, g, b := float32(r8)*unit, float32(g8)*unit, float32(b8)*unit
	high, low := max(r, g, b), min(r, g, b)
	var h, s float32
	if high == low {
		h = 0
	} else {
		span := high - low
		s = span / high
		rc, gc, bc := (high-r)/span, (high-g)/span, (high-b)/span
		switch high {
		case r:
			h = bc - gc
		case g:
			h = float32(rc+2) - bc
		default:
			h = float32(gc+4) - rc
		}
	}
	h = float32(h*float32(1./6)) + 1
	h -= float32(int(h)) // fmod(h, 1) of a positive h
	h += shift
	if h -= float32(floor(h)); h >= 1 {
		h = 0
	}
	h6 := h * 6
	sector := floor(h6)
	f := h6 - float32(sector)
	sf, rest := s*f, 1-s
	v := scale8(high)
	q, t, o := scale8(unitClamp((1-sf)*high)), scale8(unitClamp((sf+rest)*high)), scale8(unitClamp(rest*high))
	switch sector % 6 {
	case 0:
		return v, t, o
	case 1:
		return q, v, o
	case 2:
		return o, v, t
	case 3:
		return o, q, v
	case 4:
		return t, o, v
	}
	return v, o, q
}

func floor(x float32) int {
	n := int(x)
	if float32(n) > x {
		n--
	}
	return n
}

func unitClamp(x float32) float32 { return min(max(x, 0), 1) }

func scale8(x float32) uint8 { return uint8(x * float32(255.999)) }
