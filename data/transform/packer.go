package transform

import "math/bits"

// packer compacts the kept bits of every pixel towards bit 0.
type packer struct {
	words    []wordPacker // one per word of a source pixel
	outWords int
}

// wordPacker compresses one word (Hacker's Delight, section 7-4): step i moves
// the bits of moves[i] down by 1<<i, after which n bits are left from bit at on.
type wordPacker struct {
	keep  uint32
	moves [5]uint32
	at, n int
}

// newPacker keeps the given bits of a pixel, which fit into outWords words.
func newPacker(keep []uint32, outWords int) *packer {
	p := &packer{words: make([]wordPacker, len(keep)), outWords: outWords}
	at := 0
	for i, mask := range keep {
		p.words[i] = newWordPacker(mask)
		p.words[i].at = at
		at += p.words[i].n
	}
	return p
}

func newWordPacker(mask uint32) wordPacker {
	w := wordPacker{keep: mask, n: bits.OnesCount32(mask)}
	// A bit moves down by the number of dropped bits below it. Step i handles bit i
	// of that number: a bit of odd is set where it is 1.
	below := ^mask << 1
	for i := range w.moves {
		odd := below ^ below<<1
		odd ^= odd << 2
		odd ^= odd << 4
		odd ^= odd << 8
		odd ^= odd << 16
		move := odd & mask
		w.moves[i] = move
		mask = mask ^ move | move>>(1<<i)
		below &^= odd
	}
	return w
}

func (w *wordPacker) pack(x uint32) uint32 {
	x &= w.keep
	for i, move := range w.moves {
		t := x & move
		x = x ^ t | t>>(1<<i)
	}
	return x
}

// row packs the pixels of src at the given columns into dst, which is zero.
// Neighbours are mostly equal, so the last result is kept.
func (p *packer) row(dst, src []uint32, columns []int) {
	if len(p.words) == 1 {
		w := &p.words[0]
		var from, to uint32
		for i, x := range columns {
			if src[x] != from {
				from, to = src[x], w.pack(src[x])
			}
			dst[i] = to
		}
		return
	}
	n := len(p.words)
	for i := range p.words {
		w := &p.words[i]
		low, shift := w.at/32, w.at%32
		spills := shift+w.n > 32
		var from, to uint32
		for c, x := range columns {
			if word := src[x*n+i]; word != from {
				from, to = word, w.pack(word)
			}
			if to == 0 {
				continue
			}
			dst[c*p.outWords+low] |= to << shift
			if spills {
				dst[c*p.outWords+low+1] |= to >> (32 - shift)
			}
		}
	}
}
