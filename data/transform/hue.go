package transform

// hue rotates the hue by shift turns, at most half a turn, through HSV in single
// precision. Products and sums are rounded separately, as in the reference; its
// clamping to [0, 1] is omitted, as no value leaves that range.
func hue(pix []uint8, shift float32) {
	var unit [256]float32 // samples as fractions
	for v := range unit {
		unit[v] = float32(v) * float32(1./255)
	}
	for i := 0; i+2 < len(pix); i += 3 {
		p := pix[i : i+3 : i+3]
		r, g, b := p[0], p[1], p[2]
		high, low := max(r, g, b), min(r, g, b)
		value := unit[high]
		if high == low { // gray: hue 0, saturation 0
			p[0] = scale8(value)
			p[1], p[2] = p[0], p[0]
			continue
		}
		span := value - unit[low]
		var sixths float32 // the hue in sixths of a turn, from -1 to 5
		switch high {
		case r:
			sixths = (value-unit[b])/span - (value-unit[g])/span
		case g:
			sixths = (value-unit[r])/span + 2 - (value-unit[b])/span
		default:
			sixths = (value-unit[g])/span + 4 - (value-unit[r])/span
		}
		h := float32(sixths*float32(1./6)) + 1
		if h >= 1 {
			h--
		}
		p[0], p[1], p[2] = fromHSV(turn(h, shift), span/value, value)
	}
}

// turn adds shift to h, modulo one turn.
func turn(h, shift float32) float32 {
	h += shift
	if h < 0 {
		h++
	}
	if h >= 1 { // also where a tiny negative hue was rounded up to a full turn
		h--
	}
	return h
}

// fromHSV converts a colour with all three in [0, 1] and h < 1.
func fromHSV(h, s, v float32) (r, g, b uint8) {
	h6 := h * 6
	sector := int(h6)
	f := h6 - float32(sector)
	sf, gray := float32(s*f), 1-s
	top, low := scale8(v), scale8(gray*v)
	falling, rising := scale8((1-sf)*v), scale8((sf+gray)*v)
	switch sector {
	case 0:
		return top, rising, low
	case 1:
		return falling, top, low
	case 2:
		return low, top, rising
	case 3:
		return low, falling, top
	case 4:
		return rising, low, top
	case 5:
		return top, low, falling
	}
	return top, rising, low // h6 was rounded up to 6
}

// scale8 is torchvision's conversion of a fraction to 8 bits.
func scale8(x float32) uint8 { return uint8(int32(x * float32(255.999))) }
