package data

// Planes holds up to 32*Words binary masks of one size, interleaved so that a
// pixel's membership in all of them is Words consecutive words. Mask m of pixel
// (x, y) is bit m%32 of Bits[(y*W+x)*Words+m/32]. Masks may overlap.
//
// Targets are sent to the device in this form (docs/decisions/002): 8 bytes per pixel
// for 64 targets, compared with 256 bytes as floats.
type Planes struct {
	W, H, Words int
	Bits        []uint32 // length W*H*Words
}

// NewPlanes returns empty planes for at least n masks of w x h pixels.
func NewPlanes(w, h, n int) Planes {
	words := max(1, (n+31)/32)
	return Planes{W: w, H: h, Words: words, Bits: make([]uint32, w*h*words)}
}

// At reports whether pixel (x, y) is in mask m.
func (p Planes) At(x, y, m int) bool {
	return p.Bits[(y*p.W+x)*p.Words+m/32]>>(m%32)&1 == 1
}

// Set puts pixel (x, y) into mask m.
func (p Planes) Set(x, y, m int) {
	p.Bits[(y*p.W+x)*p.Words+m/32] |= 1 << (m % 32)
}

// Areas returns the number of pixels of each of the first n masks.
func (p Planes) Areas(n int) []int {
	areas := make([]int, n)
	for i, word := range p.Bits {
		if word == 0 {
			continue
		}
		base := i % p.Words * 32
		for b := 0; word != 0; b++ {
			if word&1 == 1 && base+b < n {
				areas[base+b]++
			}
			word >>= 1
		}
	}
	return areas
}
