package jpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Markers: the byte that follows 0xff. (ITU-T T.81, table B.1)
const (
	baselineDCT   = 0xc0
	sequentialDCT = 0xc1
	progressive   = 0xc2
	lossless      = 0xc3
	huffmanTables = 0xc4
	arithmetic    = 0xc9
	arithmeticDCT = 0xca
	lastFrame     = 0xcf
	firstRestart  = 0xd0
	lastRestart   = 0xd7
	startOfImage  = 0xd8
	endOfImage    = 0xd9
	startOfScan   = 0xda
	quantisers    = 0xdb
	restarts      = 0xdd
	jfifSegment   = 0xe0
	adobeSegment  = 0xee
	lastSegment   = 0xef
	comment       = 0xfe
)

// begin passes the marker that a file starts with.
func (d *decoder) begin() error {
	if !bytes.HasPrefix(d.raw, []byte{0xff, startOfImage}) {
		return errors.New("no start of image")
	}
	d.next = 2
	return nil
}

// segment returns the next marker and what its segment holds. Like libjpeg it
// passes over fill bytes, anything between segments, and stray restart markers.
func (d *decoder) segment() (marker uint8, body []byte, err error) {
	for marker == 0 || marker == 0xff || marker >= firstRestart && marker <= lastRestart {
		if marker != 0xff {
			i := bytes.IndexByte(d.raw[d.next:], 0xff)
			if i < 0 {
				return 0, nil, io.ErrUnexpectedEOF
			}
			d.next += i + 1
		}
		if d.next >= len(d.raw) {
			return 0, nil, io.ErrUnexpectedEOF
		}
		marker = d.raw[d.next]
		d.next++
	}
	if marker == endOfImage {
		return marker, nil, nil
	}
	rest := d.raw[d.next:]
	if len(rest) < 2 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	size := int(binary.BigEndian.Uint16(rest))
	if size < 2 {
		return 0, nil, fmt.Errorf("segment ff%02x of %d bytes", marker, size)
	}
	if size > len(rest) {
		return 0, nil, io.ErrUnexpectedEOF
	}
	d.next += size
	return marker, rest[2:size], nil
}

// header takes any segment but a scan's.
func (d *decoder) header(marker uint8, body []byte) error {
	switch {
	case marker == baselineDCT || marker == sequentialDCT || marker == progressive:
		return d.frame(marker, body)
	case marker == huffmanTables:
		return d.readHuffman(body)
	case marker == quantisers:
		return d.readQuantisers(body)
	case marker == restarts:
		if len(body) != 2 {
			return errors.New("restart interval of wrong length")
		}
		d.restart = int(binary.BigEndian.Uint16(body))
	case marker == jfifSegment:
		d.jfif = d.jfif || len(body) >= 14 && string(body[:5]) == "JFIF\x00"
	case marker == adobeSegment:
		if len(body) >= 12 && string(body[:5]) == "Adobe" {
			d.adobe = int(body[11])
		}
	case marker == arithmetic || marker == arithmeticDCT:
		if err := d.frame(marker, body); err != nil {
			return err
		}
		return UnsupportedError("arithmetic coding, which -tags turbo reads")
	case marker >= lossless && marker <= lastFrame:
		return UnsupportedError("lossless or hierarchical coding")
	case marker > jfifSegment && marker <= lastSegment || marker == comment:
	default:
		return fmt.Errorf("unexpected marker ff%02x", marker)
	}
	return nil
}

func (d *decoder) readQuantisers(body []byte) error {
	for len(body) > 0 {
		size, slot := 1+int(body[0]>>4), body[0]&15
		if size > 2 || slot > 3 || len(body) < 1+64*size {
			return errors.New("damaged table of quantisers")
		}
		table := new([64]int32)
		for k := range table {
			if size == 1 {
				table[k] = int32(body[1+k])
			} else {
				table[k] = int32(binary.BigEndian.Uint16(body[1+2*k:]))
			}
		}
		d.quantisers[slot] = table
		body = body[1+64*size:]
	}
	return nil
}

func (d *decoder) readHuffman(body []byte) error {
	for len(body) > 0 {
		class, slot := body[0]>>4, body[0]&15
		if class > 1 || slot > 3 || len(body) < 17 {
			return errors.New("damaged Huffman table")
		}
		table, n := newHuffman(body[1:], class == 1)
		if table == nil {
			return errors.New("damaged Huffman table")
		}
		if class == 0 {
			d.dc[slot] = table
		} else {
			d.ac[slot] = table
		}
		body = body[1+n:]
	}
	return nil
}
