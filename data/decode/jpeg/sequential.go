package jpeg

import (
	"fmt"
	"io"
)

// sequentialScan decodes and transforms all blocks of the components.
func (d *decoder) sequentialScan(parts []*component) error {
	for _, c := range parts {
		if c.decoded {
			return fmt.Errorf("two scans of component %d", c.id)
		}
		if c.dc == nil || c.ac == nil {
			return fmt.Errorf("component %d without its Huffman tables", c.id)
		}
		c.decoded = true
	}
	return d.blocks(parts, func(c *component, x, y int) bool {
		var coefficients [64]int32
		last := d.bits.block(c, &coefficients)
		if last < 0 {
			return false
		}
		inverse(&coefficients, last, c.plane.Pix[8*(y*c.plane.Stride+x):], c.plane.Stride)
		return true
	})
}

// blocks calls block for each block of a scan in the order of the file, column x
// and row y of its component, until it returns false.
func (d *decoder) blocks(parts []*component, block func(c *component, x, y int) bool) error {
	d.bits = bitReader{raw: d.raw, next: d.next}
	d.endOfBandRun = 0
	interleaved := len(parts) > 1
	across, down := parts[0].blocksX, parts[0].blocksY
	if interleaved {
		across, down = d.unitsX, d.unitsY
	}
	interval := 0
	for y := range down {
		for x := range across {
			if d.restart > 0 && interval == d.restart {
				if !d.bits.restart() {
					return d.damaged()
				}
				interval, d.endOfBandRun = 0, 0
				for _, c := range parts {
					c.last = 0
				}
			}
			interval++
			if ok := interleaved && unit(parts, x, y, block) || !interleaved && block(parts[0], x, y); !ok {
				return d.damaged()
			}
		}
		if d.bits.overrun() {
			return d.damaged()
		}
	}
	d.next = d.bits.next
	return nil
}

// unit calls block for the blocks of all components that show one part of the image.
func unit(parts []*component, x, y int, block func(c *component, x, y int) bool) bool {
	for _, c := range parts {
		for v := range c.v {
			for h := range c.h {
				if !block(c, x*c.h+h, y*c.v+v) {
					return false
				}
			}
		}
	}
	return true
}

// damaged is the error of a scan whose codes are invalid or end early.
func (d *decoder) damaged() error {
	if d.bits.next >= len(d.raw)-1 {
		return io.ErrUnexpectedEOF
	}
	return fmt.Errorf("image data is damaged near byte %d", d.bits.next)
}
