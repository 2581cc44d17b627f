package inflate

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

// ErrCorrupt says that the input is no deflate stream. Input that ends too early
// gives io.ErrUnexpectedEOF.
var ErrCorrupt = errors.New("inflate: not a deflate stream, or damaged")

const (
	history  = 32 << 10 // how far back a match may reach
	window   = 256 << 10
	slack    = 258 + 8 // what one match may write past the limit
	inSize   = 64 << 10
	inMargin = 16 // bytes that may be read past a position without a check
)

// reader unpacks one stream.
type reader struct {
	src      io.Reader
	in       [inSize + 2*inMargin]byte // zeros may be read ahead of its end
	at, end  int                       // next byte of in, end of what is there
	ended    bool
	acc      uint64 // bits that come next, from the bottom
	n        uint   // how many there are; acc may hold more of the same input
	out      []byte // history, then what is new
	from, to int    // what is unpacked and not read yet
	last     bool   // the block is the last one
	stored   int    // bytes left of a stored block
	inCodes  bool   // inside of a block of codes
	litlen   litlenTable
	distance distanceTable
	err      error // after out[from:to]
}

// pool keeps closed readers: one is 0.3 MB.
var pool = sync.Pool{New: func() any { return &reader{out: make([]byte, window+slack)} }}

// NewReader returns a reader of what the deflate stream src holds. It may read
// more of src than the stream has. Closing it does not close src.
func NewReader(src io.Reader) io.ReadCloser {
	r := pool.Get().(*reader)
	*r = reader{src: src, out: r.out}
	return &handle{r}
}

// handle keeps a closed reader, which is another's by then, from being used.
type handle struct{ *reader }

func (h *handle) Read(p []byte) (int, error) {
	if h.reader == nil {
		return 0, errClosed
	}
	return h.reader.Read(p)
}

func (h *handle) Close() error {
	if h.reader != nil {
		h.src = nil
		pool.Put(h.reader)
		h.reader = nil
	}
	return nil
}

var errClosed = errors.New("inflate: closed")

func (r *reader) Read(p []byte) (int, error) {
	for r.from == r.to {
		if r.err != nil {
			return 0, r.err
		}
		r.more()
	}
	n := copy(p, r.out[r.from:r.to])
	r.from += n
	return n, nil
}

// more unpacks until the window is full or the stream ends.
func (r *reader) more() {
	if r.to > history {
		copy(r.out, r.out[r.to-history:r.to])
		r.from, r.to = history, history
	}
	for r.to < window && r.err == nil {
		if r.end-r.at < inMargin && !r.fill() {
			return
		}
		switch {
		case r.stored > 0:
			r.copyStored()
		case r.inCodes:
			r.codes()
		case r.last:
			r.err = io.EOF
		default:
			r.header()
		}
	}
}

// fill reads input. At its end come zeros, which overrun finds out if they are
// used.
func (r *reader) fill() bool {
	if r.ended {
		return true
	}
	kept := min(r.at, 8) // startStored may go back to what acc holds
	r.end = copy(r.in[:], r.in[r.at-kept:r.end])
	r.at = kept
	for r.end-r.at < inMargin && !r.ended {
		n, err := r.src.Read(r.in[r.end:inSize])
		r.end += n
		switch {
		case err == io.EOF:
			r.ended = true
		case err != nil:
			r.err = err
			return false
		}
	}
	if r.ended {
		clear(r.in[r.end:])
	}
	return true
}

// overrun fails where bits were used that the input does not have.
func (r *reader) overrun() bool {
	if r.ended && r.at-int(r.n/8) > r.end {
		r.err = io.ErrUnexpectedEOF
	}
	return r.err != nil
}

// need makes at least 56 bits available.
func (r *reader) need() {
	r.at = min(r.at, len(r.in)-8) // more only far past the end
	r.acc |= binary.LittleEndian.Uint64(r.in[r.at:]) << r.n
	r.at += int(63-r.n) >> 3
	r.n |= 56
}

// ready is need with a look at the input.
func (r *reader) ready() bool {
	if r.end-r.at < inMargin && !r.fill() {
		return false
	}
	r.need()
	return true
}

// take returns the next bits, of those that need made available.
func (r *reader) take(bits uint) uint {
	v := uint(r.acc & (1<<bits - 1))
	r.acc >>= bits
	r.n -= bits
	return v
}

// header reads a block's header and tables.
func (r *reader) header() {
	r.need()
	r.last = r.take(1) == 1
	ok := true
	switch r.take(2) {
	case 0:
		ok = r.startStored()
	case 1:
		r.litlen.build(fixedLitlen[:])
		r.distance.build(fixedDistance[:])
		r.inCodes = true
	case 2:
		ok = r.dynamic()
		r.inCodes = true
	default:
		ok = false
	}
	if !r.overrun() && !ok {
		r.err = ErrCorrupt
	}
}

// startStored gives back the whole bytes that are read ahead and reads the length.
func (r *reader) startStored() bool {
	r.at -= int(r.n / 8)
	r.acc, r.n = 0, 0
	if r.end-r.at < 4 && (!r.fill() || r.end-r.at < 4) {
		r.at = r.end + 1 // an overrun
		return false
	}
	length := binary.LittleEndian.Uint16(r.in[r.at:])
	check := binary.LittleEndian.Uint16(r.in[r.at+2:])
	r.at += 4
	r.stored = int(length)
	return length == ^check
}

func (r *reader) copyStored() {
	n := copy(r.out[r.to:window], r.in[r.at:min(r.end, r.at+r.stored)])
	if n == 0 {
		r.err = io.ErrUnexpectedEOF
	}
	r.at += n
	r.to += n
	r.stored -= n
}

// codes unpacks codes while there is input and room. The state is in variables of
// its own, which a processor's registers hold.
func (r *reader) codes() {
	in, out, to := r.in[:], r.out, r.to
	acc, n, at := r.acc, r.n, r.at
	limit := r.end - inMargin // of positions to read at
	if r.ended {
		limit = r.end + 8 // beyond it is an overrun
	}
	for to < window && at <= limit {
		acc |= binary.LittleEndian.Uint64(in[at:]) << n
		at += int(63-n) >> 3
		n |= 56
		e := r.litlen.find(acc)
		for tries := 0; e&literal != 0 && tries < 3; tries++ { // at most 15 bits each
			acc >>= e & 0x3f
			n -= uint(e & 0x3f)
			out[to] = uint8(e >> 16)
			to++
			e = r.litlen.find(acc)
		}
		if e&literal != 0 {
			continue
		}
		acc |= binary.LittleEndian.Uint64(in[at:]) << n
		at += int(63-n) >> 3
		n = (n | 56) - uint(e&0x3f)
		length := int(e.value(acc))
		acc >>= e & 0x3f
		if e&special != 0 {
			if r.inCodes = false; e>>16 != endOfBlock {
				r.err = ErrCorrupt
			}
			break
		}
		e = r.distance.find(acc)
		distance := int(e.value(acc))
		acc >>= e & 0x3f
		n -= uint(e & 0x3f)
		if e&special != 0 || distance > to {
			r.err = ErrCorrupt
			break
		}
		repeat(out, to, distance, length)
		to += length
	}
	r.acc, r.n, r.at, r.to = acc, n, at, to
	r.overrun()
}

// repeat copies length bytes from distance before to, where they may overlap. It
// writes up to seven more.
func repeat(out []byte, to, distance, length int) {
	if distance < 8 {
		// What recurs at a distance recurs at its multiples: from one of at least
		// eight bytes on, words can be copied.
		wide := (7 + distance) / distance * distance
		head := min(length, wide-distance)
		for i := to; i < to+head; i++ {
			out[i] = out[i-distance]
		}
		if head == length {
			return
		}
		to, distance, length = to+head, wide, length-head
	}
	src, dst := out[to-distance:], out[to:to+length+7]
	for i := 0; i < length; i += 8 {
		binary.LittleEndian.PutUint64(dst[i:], binary.LittleEndian.Uint64(src[i:]))
	}
}
