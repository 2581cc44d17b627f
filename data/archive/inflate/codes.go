package inflate

import "math/bits"

// entry is one of a look-up table: the bits of the code with its extra bits (0..5),
// the bits of the code alone (8..11), what it is (13..15), and a value (16..31): a
// byte, the least length or distance, or the place of a second table.
type entry uint32

const (
	literal = 1 << 15
	special = 1 << 14 // the end of the block, or no code
	second  = 1 << 13 // the code goes on; the low bits are those of the second table's index

	endOfBlock = 1
)

const (
	litlenBits   = 11
	distanceBits = 8
	maxBits      = 15
)

// The tables are large enough for any complete code (enough.c of zlib: 2,342 and 402
// entries); an incomplete one has a single code.
type (
	litlenTable   struct{ entries [1<<litlenBits + 1<<9]entry }
	distanceTable struct{ entries [1<<distanceBits + 1<<8]entry }
)

// value is the length or distance of the code at the bottom of acc.
func (e entry) value(acc uint64) uint32 {
	return uint32(e>>16) + uint32(acc&(1<<(e&0x3f)-1)>>(e>>8&15))
}

// find returns the entry of the code at the bottom of acc.
func (t *litlenTable) find(acc uint64) entry {
	e := t.entries[acc&(1<<litlenBits-1)]
	if e&second != 0 {
		e = t.entries[e>>16+entry(acc>>litlenBits&(1<<(e&15)-1))]
	}
	return e
}

func (t *distanceTable) find(acc uint64) entry {
	e := t.entries[acc&(1<<distanceBits-1)]
	if e&second != 0 {
		e = t.entries[e>>16+entry(acc>>distanceBits&(1<<(e&15)-1))]
	}
	return e
}

func (t *litlenTable) build(lengths []uint8) bool {
	return build(t.entries[:], litlenBits, lengths, func(symbol int) entry {
		switch {
		case symbol < 256:
			return entry(symbol)<<16 | literal
		case symbol == 256:
			return endOfBlock<<16 | special
		case symbol > 285:
			return special
		}
		return entry(lengthBase[symbol-257])<<16 | entry(lengthExtra[symbol-257])
	})
}

func (t *distanceTable) build(lengths []uint8) bool {
	return build(t.entries[:], distanceBits, lengths, func(symbol int) entry {
		if symbol > 29 {
			return special
		}
		return entry(distanceBase[symbol])<<16 | entry(distanceExtra[symbol])
	})
}

// build fills a table for the code of the given lengths (RFC 1951, section 3.2.2).
// entryOf gives a symbol's entry with the count of its extra bits. It reports whether
// the code is complete, or has at most one symbol.
func build(entries []entry, first uint, lengths []uint8, entryOf func(symbol int) entry) bool {
	var counts [maxBits + 1]int
	for _, n := range lengths {
		counts[n]++
	}
	counts[0] = 0
	var next [maxBits + 2]int
	room := 1 // codes that are not given away
	total := 0
	for n := 1; n <= maxBits; n++ {
		next[n+1] = (next[n] + counts[n]) << 1
		room = room<<1 - counts[n]
		total += counts[n]
		if room < 0 {
			return false
		}
	}
	if room > 0 && (total > 1 || counts[1] != total) {
		return false
	}
	for i := range entries {
		entries[i] = special
	}
	free := 1 << first // the next second table
	for n := uint(1); n <= maxBits; n++ {
		for symbol, length := range lengths {
			if uint(length) != n {
				continue
			}
			code := int(bits.Reverse16(uint16(next[n])) >> (16 - n))
			next[n]++
			e := entryOf(symbol)
			e = e&^0xff | entry(n)<<8 | (e&0xff + entry(n))
			if n <= first {
				spread(entries[:1<<first], code, n, e)
			} else {
				head := &entries[code&(1<<first-1)]
				if *head&second == 0 {
					width := secondBits(&counts, n, first)
					*head = entry(free)<<16 | second | entry(width)
					free += 1 << width
				}
				place := entries[*head>>16:]
				spread(place[:1<<(*head&15)], code>>first, n-first, e)
			}
			counts[n]--
		}
	}
	return true
}

// spread enters a code of n bits at all indices that it begins.
func spread(table []entry, code int, n uint, e entry) {
	for i := code; i < len(table); i += 1 << n {
		table[i] = e
	}
}

// secondBits is the width of the second table that begins with a code of n bits;
// counts are of the codes that are left.
func secondBits(counts *[maxBits + 1]int, n, first uint) uint {
	width := n - first
	for left := 1 << width; width+first < maxBits; width++ {
		if left -= counts[width+first]; left <= 0 {
			break
		}
		left <<= 1
	}
	return width
}

var (
	lengthBase    = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra   = [29]uint8{8: 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distanceBase  [30]uint16
	distanceExtra [30]uint8
	fixedLitlen   [288]uint8
	fixedDistance [32]uint8
)

func init() {
	base := 1
	for i := range distanceBase {
		distanceExtra[i] = uint8(max(0, i/2-1))
		distanceBase[i] = uint16(base)
		base += 1 << distanceExtra[i]
	}
	for i := range fixedLitlen {
		switch {
		case i < 144, i >= 280:
			fixedLitlen[i] = 8
		case i < 256:
			fixedLitlen[i] = 9
		default:
			fixedLitlen[i] = 7
		}
	}
	for i := range fixedDistance {
		fixedDistance[i] = 5
	}
}

// orderOfLengths is the order in which the lengths of the code for lengths are
// stored.
var orderOfLengths = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

const lengthBits = 7 // of the code for lengths

// dynamic reads the tables of a block that has its own (RFC 1951, section 3.2.7).
func (r *reader) dynamic() bool {
	nLitlen, nDistance, nLengths := int(r.take(5))+257, int(r.take(5))+1, int(r.take(4))+4
	if nLitlen > 286 || nDistance > 30 {
		return false
	}
	var of [19]uint8
	for _, i := range orderOfLengths[:nLengths] {
		if !r.ready() {
			return false
		}
		of[i] = uint8(r.take(3))
	}
	var table [1 << lengthBits]entry
	if !build(table[:], lengthBits, of[:], func(symbol int) entry { return entry(symbol) << 16 }) {
		return false
	}
	var lengths [286 + 30]uint8
	all := lengths[:nLitlen+nDistance]
	for i := 0; i < len(all); {
		if !r.ready() {
			return false
		}
		e := table[r.acc&(1<<lengthBits-1)]
		if e&special != 0 {
			return false
		}
		r.take(uint(e & 0xff))
		length, times := uint8(e>>16), 1
		switch length {
		case 16:
			if i == 0 {
				return false
			}
			length, times = all[i-1], 3+int(r.take(2))
		case 17:
			length, times = 0, 3+int(r.take(3))
		case 18:
			length, times = 0, 11+int(r.take(7))
		}
		if i+times > len(all) {
			return false
		}
		for range times {
			all[i] = length
			i++
		}
	}
	return all[256] > 0 && r.litlen.build(all[:nLitlen]) && r.distance.build(all[nLitlen:])
}
