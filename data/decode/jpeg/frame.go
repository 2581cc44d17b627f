package jpeg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// frame reads the frame header: the size and the components.
func (d *decoder) frame(marker uint8, body []byte) error {
	if d.components != nil {
		return errors.New("two frame headers")
	}
	if len(body) < 6 || len(body) != 6+3*int(body[5]) {
		return errors.New("frame header of wrong length")
	}
	if body[0] != 8 {
		return UnsupportedError(fmt.Sprintf("%d bits per sample, want 8", body[0]))
	}
	h, w, n := int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:])), int(body[5])
	if w == 0 || h == 0 {
		return fmt.Errorf("a size of %d x %d pixels", w, h)
	}
	if n != 1 && n != 3 && n != 4 {
		return UnsupportedError(fmt.Sprintf("%d components, want 1, 3 or 4", n))
	}
	components := make([]component, n)
	for i := range components {
		entry := body[6+3*i:]
		c := component{id: entry[0], h: int(entry[1] >> 4), v: int(entry[1] & 15), quantiser: entry[2]}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.quantiser > 3 {
			return fmt.Errorf("component %d with sampling factors %d x %d and quantiser %d", c.id, c.h, c.v, c.quantiser)
		}
		for k := range c.precision {
			c.precision[k] = -1
		}
		for _, before := range components[:i] {
			if before.id == c.id {
				return fmt.Errorf("two components %d", c.id)
			}
		}
		components[i] = c
	}
	if n == 1 { // a single plane is never subsampled
		components[0].h, components[0].v = 1, 1
	}
	d.w, d.h, d.progressive = w, h, marker == progressive
	return d.layOut(components, minBits(marker))
}

// minBits is the least that a block takes: a code for the constant term, and in a
// sequential file one for the end of the block. Arithmetic coding has no such bound.
func minBits(marker uint8) int {
	switch marker {
	case progressive:
		return 1
	case arithmetic, arithmeticDCT:
		return 0
	}
	return 2
}

// layOut computes the sizes of the planes. It refuses a size that cannot fit in the
// rest of the file with minBits per block, so that no memory is allocated for it.
func (d *decoder) layOut(components []component, minBits int) error {
	blocks := 0
	maxH, maxV := 1, 1
	for _, c := range components {
		maxH, maxV = max(maxH, c.h), max(maxV, c.v)
	}
	d.unitsX, d.unitsY = ceilDiv(d.w, 8*maxH), ceilDiv(d.h, 8*maxV)
	for i := range components {
		c := &components[i]
		if maxH%c.h != 0 || maxV%c.v != 0 {
			return UnsupportedError(fmt.Sprintf("sampling factors %d x %d beside %d x %d, which is not an integer ratio", c.h, c.v, maxH, maxV))
		}
		c.plane = Plane{W: ceilDiv(d.w*c.h, maxH), H: ceilDiv(d.h*c.v, maxV), X: maxH / c.h, Y: maxV / c.v}
		c.blocksX, c.blocksY = ceilDiv(c.plane.W, 8), ceilDiv(c.plane.H, 8)
		c.paddedX, c.paddedY = d.unitsX*c.h, d.unitsY*c.v
		c.plane.Stride = 8 * c.paddedX
		blocks += c.blocksX * c.blocksY
	}
	if rest := len(d.raw) - d.next; 8*rest < minBits*blocks {
		return fmt.Errorf("%d bytes cannot hold %d x %d pixels: %w", rest, d.w, d.h, io.ErrUnexpectedEOF)
	}
	d.components = components
	return nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// colors guesses what the components are, as libjpeg does (default_decompress_parms
// in jdapimin.c).
func (d *decoder) colors() Color {
	switch len(d.components) {
	case 1:
		return Gray
	case 4:
		if d.adobe > 0 {
			return YCCK
		}
		return CMYK
	}
	c := d.components
	switch {
	case d.jfif:
	case d.adobe == 0, d.adobe < 0 && c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B':
		return RGB
	}
	return YCbCr
}

// scan reads a scan's header and its blocks.
func (d *decoder) scan(body []byte) error {
	if !d.allocated {
		if err := d.allocate(); err != nil {
			return err
		}
	}
	if len(body) < 4 || len(body) != 4+2*int(body[0]) {
		return errors.New("scan header of wrong length")
	}
	n := int(body[0])
	parts, blocks := make([]*component, n), 0
	for i := range parts {
		c := d.component(body[1+2*i])
		if c == nil {
			return fmt.Errorf("scan of component %d, which the frame header lacks", body[1+2*i])
		}
		for _, before := range parts[:i] {
			if before == c {
				return fmt.Errorf("scan with component %d twice", c.id)
			}
		}
		dc, ac := body[2+2*i]>>4, body[2+2*i]&15
		if dc > 3 || ac > 3 {
			return fmt.Errorf("scan with Huffman tables %d and %d", dc, ac)
		}
		if c.scale == nil {
			c.scale = d.quantisers[c.quantiser]
		}
		if c.scale == nil {
			return fmt.Errorf("component %d without its table of quantisers", c.id)
		}
		c.dc, c.ac, c.last = d.dc[dc], d.ac[ac], 0
		parts[i], blocks = c, blocks+c.h*c.v
	}
	const most = 10 // T.81, section B.2.3
	if n == 0 || n > 1 && blocks > most {
		return fmt.Errorf("scan of %d components with %d blocks in a unit", n, blocks)
	}
	if d.progressive {
		return d.progressiveScan(parts, body[1+2*n:])
	}
	return d.sequentialScan(parts)
}

func (d *decoder) component(id uint8) *component {
	for i := range d.components {
		if d.components[i].id == id {
			return &d.components[i]
		}
	}
	return nil
}
