package jpeg

import "encoding/binary"

// lookBits is the length of codes that one look into a table resolves. Longer
// ones are rare.
const lookBits = 10

// huffman is a table of codes.
type huffman struct {
	// codes holds length<<8 | symbol for the codes that begin the index, 0 if
	// the code is longer.
	codes [1 << lookBits]uint16
	// whole holds coefficients that fit into the index together with their code:
	// value<<16 | zeros before it<<8 | length of both, otherwise 0.
	whole   [1 << lookBits]int32
	symbols []uint8
	// Codes of n bits are below limit[n], as 16-bit numbers with the code on top;
	// the symbol of code c is symbols[c+offset[n]].
	limit  [17]uint32
	offset [17]int
}

// newHuffman reads a table (T.81, section B.2.4.2) and returns its length; nil
// where it is not one. coefficients says that its symbols are runs and sizes.
func newHuffman(body []byte, coefficients bool) (table *huffman, n int) {
	counts, total := body[:16], 0
	for _, count := range counts {
		total += int(count)
	}
	if total > 256 || len(body) < 16+total {
		return nil, 0
	}
	t := &huffman{symbols: body[16 : 16+total]}
	code, at := 0, 0
	for length := 1; length <= 16; length++ {
		t.offset[length] = at - code
		for range counts[length-1] {
			if code >= 1<<length {
				return nil, 0
			}
			if length <= lookBits {
				t.enter(code<<(lookBits-length), length, t.symbols[at])
			}
			code++
			at++
		}
		t.limit[length] = uint32(code) << (16 - length)
		code *= 2
	}
	if coefficients {
		t.combine()
	}
	return t, 16 + total
}

// enter fills the part of codes that begins with the given bits.
func (t *huffman) enter(first, length int, symbol uint8) {
	for i := range 1 << (lookBits - length) {
		t.codes[first+i] = uint16(length)<<8 | uint16(symbol)
	}
}

// combine fills whole.
func (t *huffman) combine() {
	for i, code := range t.codes {
		length, run, size := uint(code>>8), int32(code>>4&15), uint(code&15)
		if code == 0 || size == 0 || length+size > lookBits {
			continue
		}
		bits := uint64(i) << (64 - lookBits) << length >> (64 - size)
		t.whole[i] = extend(bits, size)<<16 | run<<8 | int32(length+size)
	}
}

// extend is the number that size bits stand for: positive ones begin with a one.
// (T.81, section F.2.2.1)
func extend(bits uint64, size uint) int32 {
	v := int32(bits)
	if v < 1<<(size-1) {
		v -= 1<<size - 1
	}
	return v
}

// bitReader reads the scan. After its end there are zeros.
type bitReader struct {
	raw    []byte
	next   int    // in raw
	acc    uint64 // the bits that come next, from the top
	n      int    // how many there are
	padded int    // of these how many are zeros that are not in the file
	resets uint8  // restarts so far
}

// fill returns at least 32 bits.
func (r *bitReader) fill(acc uint64, n int) (uint64, int) {
	if rest := r.raw[r.next:]; len(rest) >= 4 {
		word := binary.BigEndian.Uint32(rest)
		if inverted := ^word; (inverted-0x01010101)&word&0x80808080 == 0 { // no byte is 0xff
			r.next += 4
			return acc | uint64(word)<<(32-n), n + 32
		}
	}
	for n <= 56 {
		b := uint8(0)
		switch {
		case r.next < len(r.raw) && r.raw[r.next] != 0xff:
			b = r.raw[r.next]
			r.next++
		case r.next+1 < len(r.raw) && r.raw[r.next+1] == 0:
			b = 0xff
			r.next += 2
		default: // a marker, or the end
			r.padded += 8
		}
		acc |= uint64(b) << (56 - n)
		n += 8
	}
	return acc, n
}

// overrun reports whether bits beyond the end of the file were used.
func (r *bitReader) overrun() bool { return r.n < r.padded }

// at reports whether less than a byte of the scan is unused and the marker follows.
func (r *bitReader) at(marker uint8) bool {
	left := r.n - r.padded
	return left >= 0 && left < 8 && r.next+1 < len(r.raw) && r.raw[r.next] == 0xff && r.raw[r.next+1] == marker
}

// restart passes the next restart marker.
func (r *bitReader) restart() bool {
	if !r.at(firstRestart + r.resets%8) {
		return false
	}
	r.resets++
	r.next += 2
	r.acc, r.n, r.padded = 0, 0, 0
	return true
}

// take returns the next n bits, 1 to 16 of them.
func (r *bitReader) take(n uint) uint64 {
	if r.n < 32 {
		r.acc, r.n = r.fill(r.acc, r.n)
	}
	v := r.acc >> (64 - n)
	r.acc <<= n
	r.n -= int(n)
	return v
}

// symbol returns what the next code stands for; ok is false if it is none.
func (r *bitReader) symbol(t *huffman) (symbol uint, ok bool) {
	if r.n < 32 {
		r.acc, r.n = r.fill(r.acc, r.n)
	}
	length, symbol := t.look(r.acc)
	r.acc <<= length
	r.n -= int(length)
	return symbol, length > 0
}

// run returns how many blocks an end-of-band code of the given class covers.
func (r *bitReader) run(class int) int {
	if class == 0 {
		return 1
	}
	return 1<<class + int(r.take(uint(class)))
}

// block reads the coefficients of one sequential block, multiplied by their quantisers, in
// rows of frequencies down. It returns the zigzag index of the last one that is
// not zero, or -1 if the codes are invalid.
func (r *bitReader) block(c *component, out *[64]int32) (last int) {
	acc, n := r.acc, r.n
	if n < 32 {
		acc, n = r.fill(acc, n)
	}
	length, size := c.dc.look(acc)
	if length == 0 || size > 15 {
		return -1
	}
	acc <<= length
	if size > 0 {
		c.last += extend(acc>>(64-size), size)
		acc <<= size
	}
	n -= int(length + size)
	out[0] = c.last * c.scale[0]
	table := c.ac
	for k := 1; k < 64; k++ {
		if n < 32 {
			acc, n = r.fill(acc, n)
		}
		if whole := table.whole[acc>>(64-lookBits)]; whole != 0 {
			if k += int(whole >> 8 & 15); k > 63 {
				return -1
			}
			acc <<= uint(whole & 15)
			n -= int(whole & 15)
			out[zigzag[k]&63] = whole >> 16 * c.scale[k]
			last = k
			continue
		}
		length, symbol := table.look(acc)
		if length == 0 {
			return -1
		}
		run, size := int(symbol>>4), symbol&15
		acc <<= length
		n -= int(length + size)
		if k += run; size == 0 {
			if run < 15 { // the rest is zero
				break
			}
			continue
		}
		if k > 63 {
			return -1
		}
		out[zigzag[k]&63] = extend(acc>>(64-size), size) * c.scale[k]
		acc <<= size
		last = k
	}
	r.acc, r.n = acc, n
	return last
}

// look returns the length of the code on top of acc, 0 if there is none, and its symbol.
func (t *huffman) look(acc uint64) (length, symbol uint) {
	if code := t.codes[acc>>(64-lookBits)]; code != 0 {
		return uint(code >> 8), uint(code & 0xff)
	}
	top := uint32(acc >> 48)
	for length := lookBits + 1; length <= 16; length++ {
		if top < t.limit[length] {
			return uint(length), uint(t.symbols[int(top>>(16-length))+t.offset[length]])
		}
	}
	return 0, 0
}

// zigzag is the place of each coefficient in its block.
var zigzag = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10,
	17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34,
	27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36,
	29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46,
	53, 60, 61, 54, 47, 55, 62, 63,
}
