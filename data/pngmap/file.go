package pngmap

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/zlib"
)

// IDs decodes an 8-bit RGB PNG that is not interlaced: R + 256 G + 65536 B of
// each pixel, row-major. ok is false if the file is of another kind or damaged.
func IDs(raw []byte) (ids []uint32, w, h int, ok bool) {
	f, ok := parse(raw, colorRGB)
	if !ok {
		return nil, 0, 0, false
	}
	ids = make([]uint32, f.w*f.h)
	above := make([]uint32, f.w)
	ok = f.rows(3, func(y int, filter byte, row []byte) bool {
		current := ids[y*f.w : (y+1)*f.w]
		ok := unfilterRGB(filter, row, above, current)
		above = current
		return ok
	})
	return ids, f.w, f.h, ok
}

// RGB decodes an 8-bit RGB PNG that is not interlaced: three bytes per pixel,
// row-major. ok is false if the file is of another kind or damaged.
func RGB(raw []byte) (pix []uint8, w, h int, ok bool) {
	f, ok := parse(raw, colorRGB)
	if !ok {
		return nil, 0, 0, false
	}
	pix = make([]uint8, 3*f.w*f.h)
	above, current := make([]uint32, f.w), make([]uint32, f.w)
	ok = f.rows(3, func(y int, filter byte, row []byte) bool {
		ok := unfilterRGB(filter, row, above, current)
		out := pix[3*y*f.w : 3*(y+1)*f.w]
		for x, v := range current {
			p := out[3*x : 3*x+3 : 3*x+3]
			p[0], p[1], p[2] = uint8(v), uint8(v>>8), uint8(v>>16)
		}
		above, current = current, above
		return ok
	})
	return pix, f.w, f.h, ok
}

// Labels decodes an 8-bit gray or paletted PNG that is not interlaced: the
// sample or index of each pixel, row-major. ok is false if the file is of
// another kind or damaged.
func Labels(raw []byte) (labels []uint16, w, h int, ok bool) {
	f, ok := parse(raw, colorGray, colorPalette)
	if !ok {
		return nil, 0, 0, false
	}
	labels = make([]uint16, f.w*f.h)
	above := make([]byte, f.w)
	current := make([]byte, f.w)
	ok = f.rows(1, func(y int, filter byte, row []byte) bool {
		ok := unfilterByte(filter, row[:f.w], above, current)
		out := labels[y*f.w : (y+1)*f.w]
		for x, v := range current[:len(out)] {
			out[x] = uint16(v)
		}
		above, current = current, above
		return ok
	})
	return labels, f.w, f.h, ok
}

const (
	magic        = "\x89PNG\r\n\x1a\n"
	headerSize   = 13
	colorGray    = 0
	colorRGB     = 2
	colorPalette = 3
	maxPixels    = 1 << 27 // larger files are left to package decode, which checks the size
)

// file is a PNG's size and its compressed pixels.
type file struct {
	w, h int
	data [][]byte // bodies of the IDAT chunks
}

// parse walks the chunks and checks their sums.
func parse(raw []byte, colors ...byte) (f file, ok bool) {
	if !bytes.HasPrefix(raw, []byte(magic)) {
		return f, false
	}
	for rest := raw[len(magic):]; len(rest) >= 12; {
		size := uint64(binary.BigEndian.Uint32(rest))
		if size > uint64(len(rest)-12) {
			return f, false
		}
		kind, body := string(rest[4:8]), rest[8:8+size]
		if crc32.ChecksumIEEE(rest[4:8+size]) != binary.BigEndian.Uint32(rest[8+size:]) {
			return f, false
		}
		rest = rest[12+size:]
		switch kind {
		case "IHDR":
			if f.w != 0 || size != headerSize || !f.header(body, colors) {
				return f, false
			}
		case "IDAT":
			f.data = append(f.data, body)
		case "IEND":
			return f, f.w > 0 && f.holds()
		}
	}
	return f, false
}

// holds reports whether the compressed bytes can hold all pixels, so that a small
// file that states a large size allocates nothing.
func (f *file) holds() bool {
	const maxRatio = 1032 // of deflate: 258 bytes in two bits
	total := 0
	for _, body := range f.data {
		total += len(body)
	}
	return total*maxRatio >= f.w*f.h
}

// header accepts 8 bits per sample, one of the colors, and no interlacing.
func (f *file) header(body []byte, colors []byte) bool {
	w, h := binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])
	if w == 0 || h == 0 || uint64(w)*uint64(h) > maxPixels {
		return false
	}
	f.w, f.h = int(w), int(h)
	return body[8] == 8 && bytes.IndexByte(colors, body[9]) >= 0 && body[10] == 0 && body[11] == 0 && body[12] == 0
}

// pool keeps buffers of filtered pixels.
var pool = sync.Pool{New: func() any { return new([]byte) }}

// rows unpacks the pixels and calls row for each row with its filter. The row has
// spare bytes after its samples, so that four can be read at the last pixel. It
// returns false if the stream is damaged, of another length, or row says so.
func (f *file) rows(samples int, row func(y int, filter byte, row []byte) bool) bool {
	r, err := zlib.NewReader(&chunks{rest: f.data})
	if err != nil {
		return false
	}
	defer r.Close()
	const spare = 4
	stride := 1 + samples*f.w
	size := stride * f.h
	buffer := pool.Get().(*[]byte)
	defer pool.Put(buffer)
	if cap(*buffer) < size+spare {
		*buffer = make([]byte, size+spare)
	}
	pixels := (*buffer)[:size+spare]
	if _, err := io.ReadFull(r, pixels[:size]); err != nil {
		return false
	}
	var more [1]byte
	if n, err := r.Read(more[:]); n != 0 || err != io.EOF {
		return false
	}
	for y := range f.h {
		at := y * stride
		if !row(y, pixels[at], pixels[at+1:at+stride+spare]) {
			return false
		}
	}
	return true
}

// chunks reads the bodies one after the other.
type chunks struct{ rest [][]byte }

func (c *chunks) Read(p []byte) (int, error) {
	for len(c.rest) > 0 && len(c.rest[0]) == 0 {
		c.rest = c.rest[1:]
	}
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.rest[0])
	c.rest[0] = c.rest[0][n:]
	return n, nil
}
