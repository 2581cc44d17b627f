package decode

import (
	"bytes"
	"encoding/binary"

	"eomt/data"
)

// orientation reads the orientation tag (274) of the first directory of a TIFF
// structure; 1, upright, if it is missing or invalid.
func orientation(tiff []byte) int {
	const tag, short = 274, 3
	if len(tiff) < 8 || !isTIFF(tiff) {
		return 1
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if tiff[0] == 'M' {
		order = binary.BigEndian
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return 1
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			return 1
		}
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short {
			if o := int(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}

// orient undoes an EXIF orientation o, 1 to 8: above 4 the image is rotated by 90
// degrees, so that rows of the result are columns of the stored image.
func orient(img data.RGB, o int) data.RGB {
	if o <= 1 {
		return img
	}
	w, h := img.W, img.H
	if o >= 5 {
		w, h = h, w
	}
	out := data.NewRGB(w, h)
	for y := range h {
		for x := range w {
			sx, sy := x, y
			if o >= 5 {
				sx, sy = y, x
			}
			if o == 2 || o == 3 || o == 7 || o == 8 {
				sx = img.W - 1 - sx
			}
			if o == 3 || o == 4 || o == 6 || o == 7 {
				sy = img.H - 1 - sy
			}
			copy(out.Pix[3*(y*w+x):][:3], img.Pix[3*(sy*img.W+sx):][:3])
		}
	}
	return out
}

// exifOfJPEG walks the segments up to the first scan.
func exifOfJPEG(raw []byte) []byte {
	const app1, startOfScan = 0xe1, 0xda
	header := []byte("Exif\x00\x00")
	for rest := raw[2:]; len(rest) >= 4 && rest[0] == 0xff; {
		marker, size := rest[1], int(binary.BigEndian.Uint16(rest[2:]))
		if marker == 0xff { // fill byte
			rest = rest[1:]
			continue
		}
		if marker == startOfScan || size < 2 || len(rest) < 2+size {
			return nil
		}
		if body := rest[4 : 2+size]; marker == app1 && bytes.HasPrefix(body, header) {
			return body[len(header):]
		}
		rest = rest[2+size:]
	}
	return nil
}

// exifOfPNG walks the chunks: length, type, body, checksum.
func exifOfPNG(raw []byte) []byte {
	for rest := raw[len(pngMagic):]; len(rest) >= 12; {
		size := uint64(binary.BigEndian.Uint32(rest))
		if size > uint64(len(rest)-12) {
			return nil
		}
		if string(rest[4:8]) == "eXIf" {
			return rest[8 : 8+size]
		}
		rest = rest[12+size:]
	}
	return nil
}

// exifOfWebP walks the chunks: type, length, body padded to an even length.
func exifOfWebP(raw []byte) []byte {
	for rest := raw[12:]; len(rest) >= 8; {
		size := uint64(binary.LittleEndian.Uint32(rest[4:]))
		if size > uint64(len(rest)-8) {
			return nil
		}
		if string(rest[:4]) == "EXIF" {
			return bytes.TrimPrefix(rest[8:8+size], []byte("Exif\x00\x00"))
		}
		if size += size & 1; size > uint64(len(rest)-8) {
			return nil
		}
		rest = rest[8+size:]
	}
	return nil
}
