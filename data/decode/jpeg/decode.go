package jpeg

import (
	"errors"
	"fmt"
)

// Image is a decoded file: its planes before upsampling and colour conversion.
type Image struct {
	W, H   int // pixels
	Color  Color
	Planes []Plane // 1 of Gray, 3 of YCbCr and RGB, 4 of CMYK and YCCK
}

// Color identifies the planes, by libjpeg's rules.
type Color int

const (
	Gray Color = iota
	YCbCr
	RGB
	CMYK
	YCCK // CMYK, whose first three planes are stored as YCbCr of their complements
)

// Plane holds the samples of one component, rows of Stride bytes.
type Plane struct {
	Pix    []uint8
	Stride int
	W, H   int // samples that the image uses
	X, Y   int // pixels per sample, across and down
}

// UnsupportedError names a feature that this package does not decode.
type UnsupportedError string

func (e UnsupportedError) Error() string { return "unsupported JPEG: " + string(e) }

// Size returns the size in pixels and the number of components that the frame
// header states, also of a file with arithmetic coding.
func Size(raw []byte) (w, h, components int, err error) {
	d := decoder{raw: raw, adobe: -1}
	for err = d.begin(); err == nil; {
		var marker uint8
		var body []byte
		if marker, body, err = d.segment(); err == nil {
			err = d.header(marker, body)
		}
		if d.components != nil {
			return d.w, d.h, len(d.components), nil
		}
	}
	return 0, 0, 0, err
}

// Decode decodes a whole file. The caller has checked that the stated size may be
// allocated; a file too short for that size is refused before allocating. If the file
// ends too early the error is io.ErrUnexpectedEOF.
func Decode(raw []byte) (*Image, error) {
	d := decoder{raw: raw, adobe: -1}
	if err := d.begin(); err != nil {
		return nil, err
	}
	for {
		marker, body, err := d.segment()
		switch {
		case err != nil:
			return nil, err
		case marker == endOfImage:
			return d.finish()
		case marker == startOfScan:
			err = d.scan(body)
		default:
			err = d.header(marker, body)
		}
		if err != nil {
			return nil, err
		}
	}
}

// decoder holds the content of the segments read so far.
type decoder struct {
	raw          []byte
	next         int // in raw, the next segment
	bits         bitReader
	w, h         int
	unitsX       int // units ("MCU") of an interleaved scan, across and down
	unitsY       int
	progressive  bool
	allocated    bool
	color        Color
	components   []component
	quantisers   [4]*[64]int32 // in zigzag order
	dc, ac       [4]*huffman
	restart      int // units between restarts; 0: none
	jfif         bool
	adobe        int // colour transform that Adobe's segment states, -1 without it
	endOfBandRun int // blocks that follow in a progressive scan without a coefficient
}

// component is one plane.
type component struct {
	id           uint8
	h, v         int // blocks in a unit, across and down
	quantiser    uint8
	blocksX      int // that hold the image, across and down
	blocksY      int
	paddedX      int // of whole units, across and down
	paddedY      int
	scale        *[64]int32
	last         int32 // constant term of the block before
	dc, ac       *huffman
	decoded      bool
	plane        Plane
	coefficients [][64]int16 // of a progressive file, in rows of frequencies down
	precision    [64]int8    // by zigzag index: low bits that scans so far leave out, -1 before the first
}

// allocate makes the planes, at the first scan.
func (d *decoder) allocate() error {
	if d.components == nil {
		return errors.New("a scan precedes the frame header")
	}
	d.allocated = true
	d.color = d.colors()
	for i := range d.components {
		c := &d.components[i]
		if d.progressive {
			c.coefficients = make([][64]int16, c.paddedX*c.paddedY)
		} else {
			c.plane.Pix = make([]uint8, 64*c.paddedX*c.paddedY)
		}
	}
	return nil
}

// finish returns the image, once all scans are read.
func (d *decoder) finish() (*Image, error) {
	if d.components == nil {
		return nil, errors.New("no frame header")
	}
	img := &Image{W: d.w, H: d.h, Color: d.color}
	for i := range d.components {
		c := &d.components[i]
		if !c.decoded {
			return nil, fmt.Errorf("no scan of component %d", c.id)
		}
		if d.progressive {
			c.transform()
		}
		img.Planes = append(img.Planes, c.plane)
	}
	return img, nil
}
