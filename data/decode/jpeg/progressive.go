package jpeg

import (
	"errors"
	"fmt"
)

// band is what one scan of a progressive file adds: the coefficients first to last
// in zigzag order, all their bits but the low ones, or one bit more.
type band struct {
	first, last int
	low         uint // bits that are left out
	refines     bool
}

// progressiveScan adds a scan to the coefficients of the components.
func (d *decoder) progressiveScan(parts []*component, header []byte) error {
	b := band{first: int(header[0]), last: int(header[1]), low: uint(header[2] & 15), refines: header[2]>>4 != 0}
	constant := b.first == 0
	switch high := uint(header[2] >> 4); {
	case b.last > 63 || b.first > b.last || constant && b.last != 0 || !constant && len(parts) > 1:
		return fmt.Errorf("progressive scan of coefficients %d to %d of %d components", b.first, b.last, len(parts))
	case b.refines && high != b.low+1 || b.low > 13:
		return fmt.Errorf("progressive scan from bit %d to bit %d", high, b.low)
	}
	for _, c := range parts {
		if constant && !b.refines && c.dc == nil || !constant && c.ac == nil {
			return fmt.Errorf("component %d without its Huffman table", c.id)
		}
		for k := b.first; k <= b.last; k++ {
			if int8(header[2]>>4) != max(c.precision[k], 0) {
				return errors.New("progressive scans out of order")
			}
			c.precision[k] = int8(b.low)
		}
		c.decoded = c.decoded || constant
	}
	read := d.firstBits
	switch {
	case constant && b.refines:
		read = d.refineConstant
	case constant:
		read = d.firstConstant
	case b.refines:
		read = d.refineBits
	}
	return d.blocks(parts, func(c *component, x, y int) bool {
		return read(c, &c.coefficients[y*c.paddedX+x], b)
	})
}

// firstConstant reads the constant term but for its low bits. (T.81, section G.1.2.1)
func (d *decoder) firstConstant(c *component, block *[64]int16, b band) bool {
	size, ok := d.bits.symbol(c.dc)
	if !ok || size > 15 {
		return false
	}
	if size > 0 {
		c.last += extend(d.bits.take(size), size)
	}
	block[0] = int16(c.last << b.low)
	return true
}

func (d *decoder) refineConstant(_ *component, block *[64]int16, b band) bool {
	block[0] |= int16(d.bits.take(1) << b.low)
	return true
}

// firstBits reads coefficients but for their low bits. (T.81, section G.1.2.2)
func (d *decoder) firstBits(c *component, block *[64]int16, b band) bool {
	if d.endOfBandRun > 0 {
		d.endOfBandRun--
		return true
	}
	for k := b.first; k <= b.last; k++ {
		symbol, ok := d.bits.symbol(c.ac)
		if !ok {
			return false
		}
		run, size := int(symbol>>4), symbol&15
		if size == 0 {
			if run < 15 {
				d.endOfBandRun = d.bits.run(run) - 1
				return true
			}
			k += 15
			continue
		}
		if k += run; k > b.last {
			return false
		}
		block[zigzag[k]&63] = int16(extend(d.bits.take(size), size) << b.low)
	}
	return true
}

// refineBits reads one more bit of coefficients that are not zero, and those that
// become so. (T.81, section G.1.2.3)
func (d *decoder) refineBits(c *component, block *[64]int16, b band) bool {
	k := b.first
	for d.endOfBandRun == 0 && k <= b.last {
		symbol, ok := d.bits.symbol(c.ac)
		if !ok || symbol&15 > 1 {
			return false
		}
		run, value := int(symbol>>4), int16(0)
		switch {
		case symbol&15 == 1:
			if value = -1 << b.low; d.bits.take(1) == 1 {
				value = 1 << b.low
			}
		case run < 15:
			d.endOfBandRun = d.bits.run(run)
			continue
		}
		if k = d.refine(block, k, b, run); value != 0 {
			if k > b.last {
				return false
			}
			block[zigzag[k]&63] = value
		}
		k++
	}
	if d.endOfBandRun > 0 {
		d.refine(block, k, b, 64)
		d.endOfBandRun--
	}
	return true
}

// refine reads a bit for each coefficient from k on that is not zero, passes over
// the given number of zeros, and returns where the next zero is.
func (d *decoder) refine(block *[64]int16, k int, b band, zeros int) int {
	bit := int16(1) << b.low
	for ; k <= b.last; k++ {
		p := &block[zigzag[k]&63]
		switch {
		case *p == 0 && zeros == 0:
			return k
		case *p == 0:
			zeros--
		case d.bits.take(1) == 0 || *p&bit != 0:
		case *p > 0:
			*p += bit
		default:
			*p -= bit
		}
	}
	return k
}

// transform computes the samples of all coefficients and frees these.
func (c *component) transform() {
	c.plane.Pix = make([]uint8, 64*c.paddedX*c.paddedY)
	for i := range c.coefficients {
		var block [64]int32
		last := 0
		for k, at := range zigzag {
			if v := c.coefficients[i][at&63]; v != 0 {
				block[at&63] = int32(v) * c.scale[k]
				last = k
			}
		}
		x, y := i%c.paddedX, i/c.paddedX
		inverse(&block, last, c.plane.Pix[8*(y*c.plane.Stride+x):], c.plane.Stride)
	}
	c.coefficients = nil
}
