package transform

import "eomt/data"

// Apply returns the jittered image, or img itself if nothing changes. All
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
	var table [256][256]uint8 // by gray and sample
	for g := range table {
		for v := range table[g] {
			table[g][v] = blend(uint8(v), float32(g), factor, rest)
		}
	}
	for i := 0; i+2 < len(pix); i += 3 {
		p := pix[i : i+3 : i+3]
		row := &table[gray(p[0], p[1], p[2])]
		p[0], p[1], p[2] = row[p[0]], row[p[1]], row[p[2]]
	}
}

func lookUp(pix []uint8, table *[256]uint8) {
	for i, v := range pix {
		pix[i] = table[v]
	}
}

// gray is the luma of a pixel, rounded down. The reference computes it in single
// precision, which decides where the exact value is an integer.
func gray(r, g, b uint8) uint8 {
	exact := 2989*uint32(r) + 5870*uint32(g) + 1140*uint32(b)
	whole := exact / 10000
	if whole*10000 == exact {
		return uint8(fma(float32(b), 0.114, fma(float32(g), 0.587, float32(r)*0.2989)))
	}
	return uint8(whole)
}
