package decode

import "image"

// chroma widens one colour plane with libjpeg's triangle filter ("fancy
// upsampling", jdsample.c): the nearest sample counts three times as much as the
// next one, along each halved axis. Go's image package repeats samples instead,
// which is up to 26 levels away on photographs.
type chroma struct {
	plane  []uint8
	stride int
	w, h   int // samples of the plane
	x, y   int // pixels a sample, along each axis
	sums   []uint16
	wide   []uint8
}

func newChroma(img *image.YCbCr, plane []uint8) *chroma {
	c := &chroma{plane: plane, stride: img.CStride, x: 1, y: 1}
	switch img.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		c.x = 2
	case image.YCbCrSubsampleRatio420:
		c.x, c.y = 2, 2
	case image.YCbCrSubsampleRatio440:
		c.y = 2
	case image.YCbCrSubsampleRatio411:
		c.x = 4
	case image.YCbCrSubsampleRatio410:
		c.x, c.y = 4, 2
	}
	c.w, c.h = (img.Rect.Dx()+c.x-1)/c.x, (img.Rect.Dy()+c.y-1)/c.y
	c.sums, c.wide = make([]uint16, c.w), make([]uint8, c.w*c.x)
	return c
}

// row returns the samples of image row y, valid until the next call.
func (c *chroma) row(y int) []uint8 {
	near := c.samples(y / c.y)
	next := near // the other sample row that counts
	if c.y == 2 {
		next = c.samples(min(max(y/2-1+y%2*2, 0), c.h-1))
	}
	switch {
	case c.x == 1 && c.y == 1:
		return near
	case c.x == 1:
		for i := range near {
			c.wide[i] = uint8((3*uint16(near[i]) + uint16(next[i]) + uint16(1+y%2)) >> 2)
		}
	case c.x == 2 && c.w > 2 && c.y == 1:
		for i, v := range near {
			c.sums[i] = uint16(v)
		}
		c.widen(2, 1, 2)
	case c.x == 2 && c.w > 2:
		sums, next := c.sums[:len(near)], next[:len(near)]
		for i, v := range near {
			sums[i] = 3*uint16(v) + uint16(next[i])
		}
		c.widen(4, 8, 7)
	default: // libjpeg repeats samples here too
		for i := range c.wide {
			c.wide[i] = near[i/c.x]
		}
	}
	return c.wide
}

func (c *chroma) samples(y int) []uint8 { return c.plane[y*c.stride : y*c.stride+c.w] }

// widen doubles sums across; left and right are what libjpeg adds before the shift
// to the two pixels of a sample.
func (c *chroma) widen(shift uint, left, right uint16) {
	sum := c.sums[0]
	last := 2*len(c.sums) - 1
	wide := c.wide[1:last]
	for i, next := range c.sums[1:] {
		pair := wide[2*i : 2*i+2 : 2*i+2]
		pair[0] = uint8((3*sum + next + right) >> shift)
		pair[1] = uint8((3*next + sum + left) >> shift)
		sum = next
	}
	c.wide[0] = uint8((4*c.sums[0] + left) >> shift)
	c.wide[last] = uint8((4*sum + right) >> shift)
}
