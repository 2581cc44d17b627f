// Package jpegtest generates JPEG files of every kind that package jpeg decodes:
// sequential and progressive, one scan or several, any sampling factors and
// Huffman tables, with and without restart markers. They hold random coefficients.
// Start reading at [Random]; scan.go chooses the scans, code.go writes their blocks.
package jpegtest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// File describes a file, whose coefficients follow from it and Seed.
type File struct {
	W, H        int
	Components  []Component
	Progressive bool
	Restart     int // units between restart markers; 0: none
	JFIF        bool
	Adobe       int  // colour transform; -1: no segment
	Fill        bool // bytes 0xff before markers
	Seed        uint64
}

// Component is one plane. Coefficients are by block of whole units, in zigzag
// order; Quantisers likewise.
type Component struct {
	ID           uint8
	H, V         int
	Quantisers   [64]int
	Coefficients [][64]int
	BlocksX      int // of the image, across and down
	BlocksY      int
	PaddedX      int // of whole units, across
}

func (f File) String() string {
	s := fmt.Sprintf("seed %d: %d x %d, restart %d, JFIF %v, Adobe %d, progressive %v:", f.Seed, f.W, f.H, f.Restart, f.JFIF, f.Adobe, f.Progressive)
	for _, c := range f.Components {
		s += fmt.Sprintf(" %d:%dx%d", c.ID, c.H, c.V)
	}
	return s
}

// Random returns the file of a seed.
func Random(seed uint64) File {
	rng := rand.New(rand.NewPCG(seed, 0))
	f := File{W: 1 + rng.IntN(60), H: 1 + rng.IntN(60), Progressive: rng.IntN(2) == 0, Fill: rng.IntN(8) == 0,
		JFIF: rng.IntN(2) == 0, Adobe: rng.IntN(4) - 1, Seed: seed}
	if rng.IntN(2) == 0 {
		f.Restart = 1 + rng.IntN(7)
	}
	n := [...]int{1, 3, 3, 3, 3, 4}[rng.IntN(6)]
	ids := [...]string{"\x01\x02\x03\x04", "RGBA", "\x00\x07\x05\x09"}[rng.IntN(3)]
	factors := sampling(rng, n)
	for i := range n {
		c := Component{ID: ids[i], H: factors[i][0], V: factors[i][1]}
		most := 1 + rng.IntN(60)
		for k := range c.Quantisers {
			c.Quantisers[k] = 1 + rng.IntN(most)
		}
		f.Components = append(f.Components, c)
	}
	f.fill(rng)
	return f
}

// sampling returns factors, of which each divides the largest along its axis.
func sampling(rng *rand.Rand, n int) [][2]int {
	if common := [...][2]int{{1, 1}, {2, 1}, {2, 2}, {1, 2}, {4, 1}, {4, 2}}; rng.IntN(2) == 0 {
		factors := [][2]int{common[rng.IntN(len(common))], {1, 1}, {1, 1}, {1, 1}}
		factors[3] = factors[0]
		return factors[:n]
	}
	var factors [][2]int
	divisors := [...][]int{{1}, {1, 2}, {1, 3}, {1, 2, 4}}
	h, v := divisors[rng.IntN(4)], divisors[rng.IntN(4)]
	for range n {
		factors = append(factors, [2]int{h[rng.IntN(len(h))], v[rng.IntN(len(v))]})
	}
	return factors
}

// fill makes the coefficients: few of high frequency, within what 8-bit samples have.
func (f *File) fill(rng *rand.Rand) {
	if len(f.Components) == 1 {
		f.Components[0].H, f.Components[0].V = 1, 1
	}
	unitsX, unitsY, maxH, maxV := f.units()
	for i := range f.Components {
		c := &f.Components[i]
		c.PaddedX = unitsX * c.H
		c.BlocksX, c.BlocksY = ceilDiv(ceilDiv(f.W*c.H, maxH), 8), ceilDiv(ceilDiv(f.H*c.V, maxV), 8)
		c.Coefficients = make([][64]int, c.PaddedX*unitsY*c.V)
		constant, busy := 0.0, rng.IntN(20)
		for b := range c.Coefficients {
			constant = min(max(constant+300*rng.NormFloat64(), -1000), 1000)
			block := &c.Coefficients[b]
			block[0] = int(constant) / c.Quantisers[0]
			for range rng.IntN(1 + busy) {
				k := 1 + rng.IntN(63)
				block[k] = int(200*rng.NormFloat64()/(1+float64(k)/4)) / c.Quantisers[k]
			}
		}
	}
}

func (f File) units() (unitsX, unitsY, maxH, maxV int) {
	for _, c := range f.Components {
		maxH, maxV = max(maxH, c.H), max(maxV, c.V)
	}
	return ceilDiv(f.W, 8*maxH), ceilDiv(f.H, 8*maxV), maxH, maxV
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// Encode returns the file's bytes.
func (f File) Encode() []byte {
	rng := rand.New(rand.NewPCG(f.Seed, 1))
	out := &writer{fill: f.Fill}
	out.Write([]byte{0xff, 0xd8})
	if f.JFIF {
		out.segment(0xe0, []byte("JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"))
	}
	if f.Adobe >= 0 {
		out.segment(0xee, []byte{'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, byte(f.Adobe)})
	}
	marker := byte(0xc0 + rng.IntN(2))
	if f.Progressive {
		marker = 0xc2
	}
	frame := binary.BigEndian.AppendUint16([]byte{8}, uint16(f.H))
	frame = append(binary.BigEndian.AppendUint16(frame, uint16(f.W)), byte(len(f.Components)))
	for i, c := range f.Components {
		factors := byte(c.H<<4 | c.V)
		if len(f.Components) == 1 { // which mean nothing then
			factors = byte((1+rng.IntN(4))<<4 | 1 + rng.IntN(4))
		}
		frame = append(frame, c.ID, factors, byte(i))
		table := []byte{byte(i)}
		for _, q := range c.Quantisers {
			table = append(table, byte(q))
		}
		out.segment(0xdb, table)
	}
	out.segment(marker, frame)
	if f.Restart > 0 {
		out.segment(0xdd, []byte{0, byte(f.Restart)})
	}
	for _, s := range f.scans(rng) {
		f.writeScan(out, s, rng)
	}
	out.Write([]byte{0xff, 0xd9})
	return out.Bytes()
}
