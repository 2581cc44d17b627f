package coco

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The kinds of compact segmentations. One is kept an annotation, as a short byte
// string that is decoded when its image is loaded (mask.go).
//
// COCO writes coordinates with at most two decimals, mostly near the one before:
// differences of hundredths as variable-length integers take 2 bytes a number, a
// quarter of the text, and give the very same float64.
const (
	kindEmpty      = iota // nothing follows: the annotation has no segmentation
	kindHundredths        // polygon count; each: number count, then differences to the number before the last
	kindFloats            // polygon count; each: number count, then float64 bits
	kindText              // height, width, length, COCO's compressed run-length string
	kindRuns              // height, width, count, runs
	kindBroken            // length, what is wrong with it
)

// segmenter turns "segmentation" values into compact ones. Its fields are scratch
// space, and it is the state of one value at a time.
type segmenter struct {
	out        []byte
	hundredths []int64   // coordinates, while all of the value are hundredths
	floats     []float64 // coordinates, from the first that is not
	exact      bool      // hundredths is in use
	ends       []int     // number of coordinates up to the end of each polygon
	h, w       int64     // of a run-length mask
	counts     []uint32
	text       []byte
	broken     string // what is wrong inside a well-formed value
}

// read returns the compact form of the next value, valid until the next call, and
// whether it is kindBroken: well-formed JSON that is no mask, such as an odd polygon.
func (g *segmenter) read(s *scanner) (compact []byte, broken bool) {
	g.out, g.broken = g.out[:0], ""
	switch c := s.peek(); c {
	case '[':
		g.readPolygons(s)
	case '{':
		g.readRuns(s)
	case 'n':
		s.word("null")
		g.put(kindEmpty)
	default:
		s.unexpected(c, "a segmentation")
	}
	if g.broken != "" {
		g.out = g.out[:0]
		g.put(kindBroken)
		g.putBytes([]byte(g.broken))
	}
	return g.out, g.broken != ""
}

func (g *segmenter) put(v int) { g.out = binary.AppendUvarint(g.out, uint64(v)) }

func (g *segmenter) putBytes(text []byte) {
	g.put(len(text))
	g.out = append(g.out, text...)
}

func (g *segmenter) readPolygons(s *scanner) {
	g.hundredths, g.floats, g.ends, g.exact = g.hundredths[:0], g.floats[:0], g.ends[:0], true
	begin := 0
	s.array(func(i int) {
		s.array(func(int) { g.readCoordinate(s) })
		end := max(len(g.hundredths), len(g.floats))
		if n := end - begin; n == 0 || n%2 != 0 {
			g.broken = fmt.Sprintf("polygon %d has %d numbers, want pairs of x and y", i+1, n)
		}
		g.ends = append(g.ends, end)
		begin = end
	})
	if len(g.ends) == 0 {
		g.put(kindEmpty)
		return
	}
	if g.exact {
		g.put(kindHundredths)
	} else {
		g.put(kindFloats)
	}
	g.put(len(g.ends))
	begin = 0
	for _, end := range g.ends {
		g.putPolygon(begin, end)
		begin = end
	}
}

// readCoordinate appends one number, and all plain ones before it, and moves to
// floats at the first that is no hundredth.
func (g *segmenter) readCoordinate(s *scanner) {
	if g.exact {
		g.hundredths = s.plainNumbers(g.hundredths)
	}
	text := s.number()
	if g.exact {
		if v, ok := hundredths(text); ok {
			g.hundredths = append(g.hundredths, v)
			return
		}
		g.exact = false
		for _, v := range g.hundredths {
			g.floats = append(g.floats, float64(v)/100)
		}
		g.hundredths = g.hundredths[:0]
	}
	g.floats = append(g.floats, s.parseFloat(text))
}

func (g *segmenter) putPolygon(begin, end int) {
	g.put(end - begin)
	if !g.exact {
		for _, v := range g.floats[begin:end] {
			g.out = binary.LittleEndian.AppendUint64(g.out, math.Float64bits(v))
		}
		return
	}
	var before, last int64 // of the other axis, of the same axis
	for _, v := range g.hundredths[begin:end] {
		g.out = binary.AppendVarint(g.out, v-last)
		before, last = v, before
	}
}

// hundredths returns 100 times the number that text spells, where that is a whole
// number that float64 holds exactly. The number is then float64(v)/100, for
// division rounds as correctly as parsing does.
func hundredths(text []byte) (v int64, ok bool) {
	i := 0
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		i = 1
	}
	begin, decimals := i, -1
	for ; i < len(text); i++ {
		c := text[i]
		if c == '.' && decimals < 0 && i > begin {
			decimals = 0
			continue
		}
		if c < '0' || c > '9' || decimals == 2 || i-begin > 14 {
			return 0, false
		}
		v = 10*v + int64(c-'0')
		if decimals >= 0 {
			decimals++
		}
	}
	if i == begin || negative && v == 0 {
		return 0, false
	}
	for decimals = max(decimals, 0); decimals < 2; decimals++ {
		v *= 10
	}
	if negative {
		v = -v
	}
	return v, true
}

func (g *segmenter) readRuns(s *scanner) {
	g.h, g.w, g.counts, g.text = 0, 0, g.counts[:0], g.text[:0]
	kind := kindEmpty
	s.object(func(key []byte) {
		switch string(key) {
		case "size":
			s.array(func(i int) {
				if v := s.int(); i == 0 {
					g.h = v
				} else {
					g.w = v
				}
			})
		case "counts":
			if s.peek() == '"' {
				kind = kindText
				g.text = append(g.text, s.str()...)
				return
			}
			kind = kindRuns
			s.array(func(i int) {
				v := s.int()
				if v < 0 || v > math.MaxUint32 {
					g.broken = fmt.Sprintf("run %d has %d pixels", i+1, v)
				}
				g.counts = append(g.counts, uint32(v))
			})
		default:
			s.skip()
		}
	})
	switch {
	case kind == kindEmpty:
		g.broken = `run-length mask without "counts"`
	case g.h <= 0 || g.w <= 0 || g.h > math.MaxInt32 || g.w > math.MaxInt32:
		g.broken = fmt.Sprintf(`run-length mask of "size" [%d, %d], want height and width`, g.h, g.w)
	default:
		g.putRuns(kind)
	}
}

func (g *segmenter) putRuns(kind int) {
	g.put(kind)
	g.put(int(g.h))
	g.put(int(g.w))
	if kind == kindText {
		g.putBytes(g.text)
		return
	}
	g.put(len(g.counts))
	for _, c := range g.counts {
		g.put(int(c))
	}
}
