package rle

import (
	"encoding/binary"
	"math"
	"testing"
)

// checkSound fails if a mask accepted from outside breaks what the others rely on.
func checkSound(t *testing.T, m Mask) {
	if m.H*m.W > 1<<20 {
		return
	}
	area := 0
	for _, v := range m.Decode() {
		area += int(v)
	}
	if area != m.Area() {
		t.Fatalf("area %d, decoded %d", m.Area(), area)
	}
	box := m.BBox()
	if box[0] < 0 || box[1] < 0 || box[0]+box[2] > m.W || box[1]+box[3] > m.H {
		t.Fatalf("box %v outside %d x %d", box, m.H, m.W)
	}
	union := Merge([]Mask{m, m}, false)
	if iou := IoU([]Mask{m}, []Mask{union}, nil)[0]; area > 0 && iou != 1 {
		t.Fatalf("IoU with itself %v", iou)
	}
}

func FuzzFromString(f *testing.F) {
	for _, s := range []string{"06", "6", "P1000", "U36>1OO2Lm6", "PPPP", "O"} {
		f.Add(s, uint16(20), uint16(20))
	}
	f.Fuzz(func(t *testing.T, s string, h, w uint16) {
		m, err := FromString(s, int(h), int(w))
		if err != nil {
			return
		}
		checkSound(t, m)
		again, err := FromString(m.String(), int(h), int(w))
		if err != nil || again.String() != m.String() {
			t.Fatalf("second reading of %q: %v", m, err)
		}
	})
}

func FuzzFromPolygons(f *testing.F) {
	add := func(xy ...float64) {
		var b []byte
		for _, v := range xy {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		f.Add(b, uint8(20), uint8(30))
	}
	add(7, 8, 9, 3, 7, 1, 5, 1, 5, 8)
	add(-3.3, 1e7, 20.5, -7, 1, 1)
	add(1, 1, 1, 1)
	f.Fuzz(func(t *testing.T, b []byte, h, w uint8) {
		var xy []float64
		for ; len(b) >= 8; b = b[8:] {
			xy = append(xy, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
		m, err := FromPolygons([][]float64{xy}, int(h), int(w))
		if err != nil {
			return
		}
		if _, err := FromCounts(m.Counts, m.H, m.W); err != nil {
			t.Fatal(err)
		}
		checkSound(t, m)
	})
}
