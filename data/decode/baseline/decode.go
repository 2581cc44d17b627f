package baseline

import (
	"encoding/binary"
	"errors"
	"image"
)

// ErrOther says that a file is not of the kind that this package decodes.
var ErrOther = errors.New("baseline: not a whole sequential JPEG of one scan")

// Markers: the byte that follows 0xff. (ITU-T T.81, table B.1)
const (
	startOfImage  = 0xd8
	endOfImage    = 0xd9
	firstRestart  = 0xd0
	baselineDCT   = 0xc0
	sequentialDCT = 0xc1
	huffmanTables = 0xc4
	startOfScan   = 0xda
	quantisers    = 0xdb
	restarts      = 0xdd
	jfifSegment   = 0xe0
	adobeSegment  = 0xee
	lastSegment   = 0xef
	comment       = 0xfe
)

// decoder holds what the segments before the scan say.
type decoder struct {
	bits       bitReader
	w, h       int
	components []component
	quant      [4]*[64]int32 // in zigzag order
	dc, ac     [4]*huffman
	restart    int // units between restarts; 0: none
	jfif       bool
	adobe      int // colour transform that Adobe's segment states, -1 without it
}

// component is one plane. The scan is a sequence of units ("MCU"), which hold the
// blocks of all components for one part of the image.
type component struct {
	id     uint8
	h, v   int // blocks across and down in a unit
	quant  uint8
	dc, ac *huffman
	scale  *[64]int32
	last   int32 // constant term of the block before
	pix    []uint8
	stride int
}

// Decode returns an *image.Gray or an *image.YCbCr. The caller has checked that
// the size which the file claims is one to allocate.
func Decode(raw []byte) (image.Image, error) {
	d := decoder{adobe: -1}
	scan := d.segments(raw)
	if scan == nil || !d.allocate(len(scan)) {
		return nil, ErrOther
	}
	d.bits.raw = scan
	if !d.scan() {
		return nil, ErrOther
	}
	rect := image.Rect(0, 0, d.w, d.h)
	luma := d.components[0]
	if len(d.components) == 1 {
		return &image.Gray{Pix: luma.pix, Stride: luma.stride, Rect: rect}, nil
	}
	return &image.YCbCr{
		Y: luma.pix, YStride: luma.stride,
		Cb: d.components[1].pix, Cr: d.components[2].pix, CStride: d.components[1].stride,
		SubsampleRatio: ratios[[2]int{luma.h, luma.v}], Rect: rect,
	}, nil
}

// ratios of the luma's blocks to the chroma's in a unit, across and down.
var ratios = map[[2]int]image.YCbCrSubsampleRatio{
	{1, 1}: image.YCbCrSubsampleRatio444,
	{2, 1}: image.YCbCrSubsampleRatio422,
	{2, 2}: image.YCbCrSubsampleRatio420,
	{1, 2}: image.YCbCrSubsampleRatio440,
}

// segments reads all that precedes the scan and returns what follows the scan's
// header, nil where the file is of another kind.
func (d *decoder) segments(raw []byte) []byte {
	if len(raw) < 2 || raw[0] != 0xff || raw[1] != startOfImage {
		return nil
	}
	for raw = raw[2:]; len(raw) >= 4 && raw[0] == 0xff; {
		marker, n := raw[1], 2+int(binary.BigEndian.Uint16(raw[2:]))
		if n < 4 || n > len(raw) {
			return nil
		}
		body := raw[4:n]
		raw = raw[n:]
		ok := true
		switch {
		case marker == baselineDCT || marker == sequentialDCT:
			ok = d.frame(body)
		case marker == huffmanTables:
			ok = d.huffman(body)
		case marker == quantisers:
			ok = d.quantisers(body)
		case marker == restarts:
			if ok = len(body) == 2; ok {
				d.restart = int(binary.BigEndian.Uint16(body))
			}
		case marker == startOfScan:
			if !d.start(body) {
				return nil
			}
			return raw
		case marker == jfifSegment:
			d.jfif = d.jfif || len(body) >= 5 && string(body[:5]) == "JFIF\x00"
		case marker == adobeSegment:
			if len(body) >= 12 && string(body[:5]) == "Adobe" {
				d.adobe = int(body[11])
			}
		default:
			ok = marker > jfifSegment && marker <= lastSegment || marker == comment
		}
		if !ok {
			return nil
		}
	}
	return nil
}

func (d *decoder) frame(body []byte) bool {
	if d.components != nil || len(body) < 6 || body[0] != 8 {
		return false
	}
	d.h, d.w = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
	n := int(body[5])
	if d.w == 0 || d.h == 0 || n != 1 && n != 3 || len(body) != 6+3*n {
		return false
	}
	for i := range n {
		c := body[6+3*i:]
		d.components = append(d.components, component{id: c[0], h: int(c[1] >> 4), v: int(c[1] & 15), quant: c[2]})
	}
	luma := &d.components[0]
	if n == 1 { // a single plane has no units of several blocks
		luma.h, luma.v = 1, 1
		return true
	}
	_, known := ratios[[2]int{luma.h, luma.v}]
	return known && d.components[1].single() && d.components[2].single()
}

func (c *component) single() bool { return c.h == 1 && c.v == 1 }

func (d *decoder) quantisers(body []byte) bool {
	for len(body) > 0 {
		size, slot := 1+int(body[0]>>4), body[0]&15
		if size > 2 || slot > 3 || len(body) < 1+64*size {
			return false
		}
		table := new([64]int32)
		for k := range table {
			if size == 1 {
				table[k] = int32(body[1+k])
			} else {
				table[k] = int32(binary.BigEndian.Uint16(body[1+2*k:]))
			}
		}
		d.quant[slot] = table
		body = body[1+64*size:]
	}
	return true
}

func (d *decoder) huffman(body []byte) bool {
	for len(body) > 0 {
		class, slot := body[0]>>4, body[0]&15
		if class > 1 || slot > 3 || len(body) < 17 {
			return false
		}
		table, n := newHuffman(body[1:], class == 1)
		if table == nil {
			return false
		}
		if class == 0 {
			d.dc[slot] = table
		} else {
			d.ac[slot] = table
		}
		body = body[1+n:]
	}
	return true
}

// start reads the scan's header: all components, all coefficients at once.
func (d *decoder) start(body []byte) bool {
	n := len(d.components)
	if n == 0 || len(body) != 4+2*n || int(body[0]) != n {
		return false
	}
	if spectrum := body[1+2*n:]; spectrum[0] != 0 || spectrum[1] != 63 || spectrum[2] != 0 {
		return false
	}
	for i := range d.components {
		c := &d.components[i]
		dc, ac := body[2+2*i]>>4, body[2+2*i]&15
		if body[1+2*i] != c.id || dc > 3 || ac > 3 || c.quant > 3 {
			return false
		}
		c.dc, c.ac, c.scale = d.dc[dc], d.ac[ac], d.quant[c.quant]
		if c.dc == nil || c.ac == nil || c.scale == nil {
			return false
		}
	}
	return n == 1 || !d.isRGB()
}

// isRGB tells files that store red, green and blue, as libjpeg does.
func (d *decoder) isRGB() bool {
	switch {
	case d.jfif:
		return false
	case d.adobe >= 0:
		return d.adobe == 0
	}
	return d.components[0].id == 'R' && d.components[1].id == 'G' && d.components[2].id == 'B'
}

// units returns how many units the image has across and down.
func (d *decoder) units() (across, down int) {
	w, h := 8*d.components[0].h, 8*d.components[0].v
	return (d.w + w - 1) / w, (d.h + h - 1) / h
}

// allocate makes planes of whole units. It refuses a scan of fewer bytes than the
// two bits that a block takes at least.
func (d *decoder) allocate(length int) bool {
	across, down := d.units()
	blocks := 0
	for i := range d.components {
		blocks += across * down * d.components[i].h * d.components[i].v
	}
	if 8*length < 2*blocks {
		return false
	}
	for i := range d.components {
		c := &d.components[i]
		c.stride = 8 * across * c.h
		c.pix = make([]uint8, c.stride*8*down*c.v)
	}
	return true
}

// scan decodes all blocks.
func (d *decoder) scan() bool {
	across, down := d.units()
	interval := 0
	for y := range down {
		for x := range across {
			if d.restart > 0 && interval == d.restart {
				if !d.bits.restart() {
					return false
				}
				interval = 0
				for i := range d.components {
					d.components[i].last = 0
				}
			}
			interval++
			for i := range d.components {
				c := &d.components[i]
				if !c.unit(&d.bits, x, y) {
					return false
				}
			}
		}
		if d.bits.overrun() {
			return false
		}
	}
	return d.bits.at(endOfImage)
}

// unit decodes the component's blocks of one unit.
func (c *component) unit(bits *bitReader, x, y int) bool {
	for v := range c.v {
		for h := range c.h {
			var coefficients [64]int32
			last := bits.block(c, &coefficients)
			if last < 0 {
				return false
			}
			inverse(&coefficients, last, c.pix[8*((y*c.v+v)*c.stride+x*c.h+h):], c.stride)
		}
	}
	return true
}
