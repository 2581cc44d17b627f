package coco

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"eomt/data/rle"
)

// maskOf decodes a compact segmentation (segment.go) to a mask of h x w pixels.
// An annotation without a segmentation gives an empty mask.
func maskOf(compact []byte, h, w int) (rle.Mask, error) {
	r := reader{compact}
	switch kind := r.uvarint(); kind {
	case kindEmpty:
		return rle.FromCounts([]uint32{uint32(h * w)}, h, w)
	case kindHundredths, kindFloats:
		return rle.FromPolygons(r.polygons(kind), h, w)
	case kindText, kindRuns:
		return r.runs(kind, h, w)
	default:
		return rle.Mask{}, errors.New(string(r.bytes()))
	}
}

// reader reads a compact segmentation, which the segmenter wrote and which is
// therefore well-formed.
type reader struct{ rest []byte }

func (r *reader) uvarint() int {
	v, n := binary.Uvarint(r.rest)
	r.rest = r.rest[n:]
	return int(v)
}

func (r *reader) bytes() []byte {
	n := r.uvarint()
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) polygons(kind int) [][]float64 {
	polygons := make([][]float64, r.uvarint())
	for i := range polygons {
		xy := make([]float64, r.uvarint())
		var before, last int64
		for j := range xy {
			if kind == kindFloats {
				xy[j] = math.Float64frombits(binary.LittleEndian.Uint64(r.rest))
				r.rest = r.rest[8:]
				continue
			}
			delta, n := binary.Varint(r.rest)
			r.rest = r.rest[n:]
			before, last = last+delta, before
			xy[j] = float64(before) / 100
		}
		polygons[i] = xy
	}
	return polygons
}

func (r *reader) runs(kind, h, w int) (rle.Mask, error) {
	maskH, maskW := r.uvarint(), r.uvarint()
	if maskH != h || maskW != w {
		return rle.Mask{}, fmt.Errorf("run-length mask of %d x %d pixels (height x width) for an image of %d x %d", maskH, maskW, h, w)
	}
	if kind == kindText {
		return rle.FromString(string(r.bytes()), h, w)
	}
	counts := make([]uint32, r.uvarint())
	for i := range counts {
		counts[i] = uint32(r.uvarint())
	}
	return rle.FromCounts(counts, h, w)
}
