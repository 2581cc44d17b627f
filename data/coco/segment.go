package coco

import (
	"encoding/binary"
	"fmt"
	"math"

	"eomt/data/jsonscan"
)

// The kinds of compact segmentations. Each annotation has one: a short byte string
// that is decoded when its image is loaded (mask.go).
//
// COCO writes coordinates with at most two decimals, mostly near the previous one:
// differences of hundredths as variable-length integers take 2 bytes per number, a
// quarter of the text, and give the same float64 bit by bit.
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
// whether it is kindBroken: well-formed JSON that is not a mask, such as a polygon of
// an odd count of numbers.
func (g *segmenter) read(s *jsonscan.Scanner) (compact []byte, broken bool) {
	g.out, g.broken = g.out[:0], ""
	switch c := s.Kind(); c {
	case '[':
		g.readPolygons(s)
	case '{':
		g.readRuns(s)
	case 'n':
		s.Skip()
		g.put(kindEmpty)
	default:
		s.Fail("%q, want a segmentation", c)
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

func (g *segmenter) readPolygons(s *jsonscan.Scanner) {
	g.hundredths, g.floats, g.ends, g.exact = g.hundredths[:0], g.floats[:0], g.ends[:0], true
	begin := 0
	s.Array(func() {
		s.Array(func() { g.readCoordinate(s) })
		end := max(len(g.hundredths), len(g.floats))
		if n := end - begin; n == 0 || n%2 != 0 {
			g.broken = fmt.Sprintf("polygon %d has %d numbers, want pairs of x and y", len(g.ends)+1, n)
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

// readCoordinate appends one number and all plain ones before it. At the first that
// is not a whole number of hundredths it converts what it has to floats.
func (g *segmenter) readCoordinate(s *jsonscan.Scanner) {
	if g.exact {
		g.hundredths = s.PlainHundredths(g.hundredths)
	}
	v := s.Float()
	if g.exact {
		if h, ok := hundredths(v); ok {
			g.hundredths = append(g.hundredths, h)
			return
		}
		g.exact = false
		for _, h := range g.hundredths {
			g.floats = append(g.floats, float64(h)/100)
		}
		g.hundredths = g.hundredths[:0]
	}
	g.floats = append(g.floats, v)
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

// hundredths returns the whole number h for which float64(h)/100 is v, bit for
// bit, if it exists. It does for every v written with two decimals: division is
// rounded as correctly as parsing is.
func hundredths(v float64) (h int64, ok bool) {
	scaled := math.Round(100 * v)
	h = int64(scaled)
	return h, math.Abs(scaled) < 1<<53 && math.Float64bits(scaled/100) == math.Float64bits(v) && (h != 0 || !math.Signbit(v))
}

func (g *segmenter) readRuns(s *jsonscan.Scanner) {
	g.h, g.w, g.counts, g.text = 0, 0, g.counts[:0], g.text[:0]
	kind := kindEmpty
	s.Object(func(key string) {
		switch key {
		case "size":
			size := []*int64{&g.h, &g.w}
			s.Array(func() {
				v := s.Int()
				if len(size) > 0 {
					*size[0], size = v, size[1:]
				}
			})
		case "counts":
			if s.Kind() == '"' {
				kind = kindText
				g.text = append(g.text, s.String()...)
				return
			}
			kind = kindRuns
			s.Array(func() { g.readRun(s.Int()) })
		default:
			s.Skip()
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

func (g *segmenter) readRun(v int64) {
	if v < 0 || v > math.MaxUint32 {
		g.broken = fmt.Sprintf("run %d has %d pixels", len(g.counts)+1, v)
	}
	g.counts = append(g.counts, uint32(v))
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
