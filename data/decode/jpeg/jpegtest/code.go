package jpegtest

import (
	"bytes"
	"math/bits"
	"math/rand/v2"
	"sort"
)

// token is a code with the bits that follow it, bits alone (symbol -1), or a restart.
type token struct {
	symbol  int
	others  bool // the symbol is of the table of all but constant terms
	bits    uint
	n       int
	restart bool
}

// encoder turns blocks into tokens (T.81, annexes F and G).
type encoder struct {
	scan
	progressive bool
	last        []int // constant terms, by component
	run         int   // blocks that end without a code so far
	pending     []token
	out         []token
}

func (e *encoder) block(component int, block *[64]int) {
	switch {
	case !e.progressive:
		e.constant(component, block[0])
		e.coefficients(block, 1)
	case e.first == 0 && e.high == 0:
		e.constant(component, block[0]>>e.low)
	case e.first == 0:
		e.out = append(e.out, token{symbol: -1, bits: uint(block[0]>>e.low) & 1, n: 1})
	case e.high == 0:
		e.coefficients(block, e.first)
	default:
		e.refine(block)
	}
}

func (e *encoder) constant(component, v int) {
	size, low := magnitude(v - e.last[component])
	e.last[component] = v
	e.out = append(e.out, token{symbol: size, bits: low, n: size})
}

// magnitude returns the size of a number and the bits that stand for it.
func magnitude(v int) (size int, low uint) {
	size = bits.Len(uint(max(v, -v)))
	if v < 0 {
		v += 1<<size - 1
	}
	return size, uint(v)
}

// shifted drops low bits towards zero.
func shifted(v, low int) int {
	if v < 0 {
		return -(-v >> low)
	}
	return v >> low
}

func (e *encoder) coefficients(block *[64]int, first int) {
	zeros := 0
	for k := first; k <= e.scan.last; k++ {
		v := shifted(block[k], e.low)
		if v == 0 {
			zeros++
			continue
		}
		e.endRun()
		for ; zeros > 15; zeros -= 16 {
			e.out = append(e.out, token{symbol: 0xf0, others: true})
		}
		size, low := magnitude(v)
		e.out = append(e.out, token{symbol: zeros<<4 | size, others: true, bits: low, n: size})
		zeros = 0
	}
	if zeros > 0 {
		if e.run++; !e.progressive || e.run == 0x7fff {
			e.endRun()
		}
	}
}

// endRun writes the run of blocks that have ended, and the bits kept for them.
func (e *encoder) endRun() {
	if e.run > 0 {
		size := bits.Len(uint(e.run)) - 1
		e.out = append(e.out, token{symbol: size << 4, others: true, bits: uint(e.run - 1<<size), n: size})
		e.out = append(e.out, e.pending...)
		e.run, e.pending = 0, nil
	}
}

func (e *encoder) refine(block *[64]int) {
	newest := 0
	for k := e.first; k <= e.scan.last; k++ {
		if v := shifted(block[k], e.low); v == 1 || v == -1 {
			newest = k
		}
	}
	zeros := 0
	var corrections []token
	for k := e.first; k <= e.scan.last; k++ {
		v := shifted(block[k], e.low)
		if v == 0 {
			zeros++
			continue
		}
		for ; zeros > 15 && k <= newest; zeros -= 16 {
			e.endRun()
			e.out = append(append(e.out, token{symbol: 0xf0, others: true}), corrections...)
			corrections = nil
		}
		if v > 1 || v < -1 {
			corrections = append(corrections, token{symbol: -1, bits: uint(max(v, -v)) & 1, n: 1})
			continue
		}
		e.endRun()
		positive := uint(max(v, 0))
		e.out = append(append(e.out, token{symbol: zeros<<4 | 1, others: true, bits: positive, n: 1}), corrections...)
		zeros, corrections = 0, nil
	}
	if zeros > 0 || len(corrections) > 0 {
		e.run++
		if e.pending = append(e.pending, corrections...); e.run == 0x7fff {
			e.endRun()
		}
	}
}

// table is a Huffman table with code lengths at random.
type table struct {
	counts  [17]int
	symbols []byte
	code    [256]uint
	length  [256]int
}

// newTable makes codes for the symbols that occur, nil for none.
func newTable(rng *rand.Rand, tokens []token, others bool) *table {
	t := &table{}
	var seen [256]bool
	for _, c := range tokens {
		if c.symbol >= 0 && !c.restart && c.others == others && !seen[c.symbol] {
			seen[c.symbol] = true
			t.symbols = append(t.symbols, byte(c.symbol))
		}
	}
	if t.symbols == nil {
		return nil
	}
	rng.Shuffle(len(t.symbols), func(i, j int) { t.symbols[i], t.symbols[j] = t.symbols[j], t.symbols[i] })
	lengths := []int{0} // leaves of a tree; one more than symbols, for the code of ones, which is not allowed
	for len(lengths) <= len(t.symbols) {
		i := rng.IntN(len(lengths))
		if rng.IntN(2) == 0 {
			i = len(lengths) - 1 // deep trees, for codes beyond a look-up
		}
		if lengths[i] < 16 {
			lengths[i]++
			lengths = append(lengths, lengths[i])
		}
	}
	sort.Ints(lengths)
	code := uint(0)
	for i, symbol := range t.symbols {
		if i > 0 {
			code = (code + 1) << (lengths[i] - lengths[i-1])
		}
		t.counts[lengths[i]]++
		t.code[symbol], t.length[symbol] = code, lengths[i]
	}
	return t
}

func (t *table) bytes() []byte {
	var out []byte
	for _, n := range t.counts[1:] {
		out = append(out, byte(n))
	}
	return append(out, t.symbols...)
}

// writer writes segments and coded bits.
type writer struct {
	bytes.Buffer
	fill bool
	acc  uint
	n    int
}

func (w *writer) segment(marker byte, body []byte) {
	if w.fill {
		w.Write([]byte{0xff, 0xff})
	}
	size := len(body) + 2
	w.Write([]byte{0xff, marker, byte(size >> 8), byte(size)})
	w.Write(body)
}

func (w *writer) bits(v uint, n int) {
	for n--; n >= 0; n-- {
		w.acc = w.acc<<1 | v>>n&1
		if w.n++; w.n == 8 {
			if w.WriteByte(byte(w.acc)); byte(w.acc) == 0xff {
				w.WriteByte(0)
			}
			w.acc, w.n = 0, 0
		}
	}
}

// flush fills the last byte with ones.
func (w *writer) flush() {
	for w.n > 0 {
		w.bits(1, 1)
	}
}
