package pngmap

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"
)

const generated = 4000 // files, of seeds 0 and up

// sample counts by colour type, and depths that PNG allows (second edition, table 11.1).
var kinds = []struct {
	color   byte
	samples int
	depths  []int
}{
	{0, 1, []int{1, 2, 4, 8, 8, 8, 16}}, {2, 3, []int{8, 8, 16}}, {3, 1, []int{1, 2, 4, 8, 8, 8}}, {4, 2, []int{8, 16}}, {6, 4, []int{8, 16}},
}

// randomPNG is a valid file of any kind: rows of random filters over bytes that are
// random or repeat themselves.
type randomPNG struct {
	seed        uint64
	w, h        int
	color       byte
	samples     int
	depth       int
	interlaced  bool
	transparent bool
}

func (p randomPNG) String() string {
	return fmt.Sprintf("seed %d: %d x %d, colour type %d, %d bits, interlaced %v, transparent %v", p.seed, p.w, p.h, p.color, p.depth, p.interlaced, p.transparent)
}

func newRandomPNG(rng *rand.Rand, seed uint64) randomPNG {
	kind := kinds[rng.IntN(len(kinds))]
	return randomPNG{seed: seed, w: 1 + rng.IntN(50), h: 1 + rng.IntN(40), color: kind.color, samples: kind.samples,
		depth: kind.depths[rng.IntN(len(kind.depths))], interlaced: rng.IntN(6) == 0, transparent: rng.IntN(4) == 0 && kind.color <= 3}
}

// rows writes h filtered rows of w pixels.
func (p randomPNG) rows(out *bytes.Buffer, rng *rand.Rand, w, h int) {
	size := (w*p.samples*p.depth + 7) / 8
	period, noisy := 1+rng.IntN(9), rng.IntN(3) == 0
	for range h * min(w, 1) {
		out.WriteByte(byte(rng.IntN(5)))
		row := make([]byte, size)
		for i := range row {
			if row[i] = byte(rng.Uint32()); i >= period && !noisy {
				row[i] = row[i-period]
			}
		}
		out.Write(row)
	}
}

func (p randomPNG) encode(rng *rand.Rand) []byte {
	var pixels, packed bytes.Buffer
	if p.interlaced { // Adam7: start and step of each pass
		for _, pass := range [][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
			p.rows(&pixels, rng, (p.w-pass[0]+pass[2]-1)/pass[2], (p.h-pass[1]+pass[3]-1)/pass[3])
		}
	} else {
		p.rows(&pixels, rng, p.w, p.h)
	}
	z, _ := zlib.NewWriterLevel(&packed, rng.IntN(12)-2)
	z.Write(pixels.Bytes())
	z.Close()

	out := []byte(magic)
	chunk := func(kind string, body []byte) {
		out = binary.BigEndian.AppendUint32(out, uint32(len(body)))
		begin := len(out)
		out = append(append(out, kind...), body...)
		out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[begin:]))
	}
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(p.w)), uint32(p.h))
	interlace := byte(0)
	if p.interlaced {
		interlace = 1
	}
	chunk("IHDR", append(header, byte(p.depth), p.color, 0, 0, interlace))
	chunk("tEXt", []byte("Comment\x00generated"))
	if p.color == colorPalette {
		palette := make([]byte, 3<<p.depth)
		for i := range palette {
			palette[i] = byte(rng.Uint32())
		}
		chunk("PLTE", palette)
	}
	if p.transparent {
		chunk("tRNS", make([]byte, map[byte]int{colorGray: 2, colorRGB: 6, colorPalette: 1}[p.color]))
	}
	for rest := packed.Bytes(); len(rest) > 0; {
		n := min(1+rng.IntN(1+packed.Len()), len(rest))
		chunk("IDAT", rest[:n])
		rest = rest[n:]
	}
	chunk("IEND", nil)
	return out
}

// What is of the kinds that this package reads has image/png's samples, and nothing
// else is read.
func TestGeneratedFilesAsImagePNG(t *testing.T) {
	read := 0
	for seed := range uint64(generated) {
		rng := rand.New(rand.NewPCG(seed, 0))
		p := newRandomPNG(rng, seed)
		raw := p.encode(rng)
		plain := p.depth == 8 && !p.interlaced
		ids, w, h, ok := IDs(raw)
		pix, _, _, okRGB := RGB(raw)
		if want := plain && p.color == colorRGB; ok != want || okRGB != want {
			t.Fatalf("%v: read as ids %v, as RGB %v, want %v", p, ok, okRGB, want)
		}
		if ok {
			read++
			samples, wantW, wantH, err := byImagePNG(raw, 3)
			if err != nil || w != wantW || h != wantH || !bytes.Equal(pix, samples) || !slices.Equal(ids, idsOf(samples)) {
				t.Fatalf("%v: %d x %d pixels differ from image/png's, error %v", p, w, h, err)
			}
		}
		labels, w, h, ok := Labels(raw)
		if want := plain && (p.color == colorGray || p.color == colorPalette); ok != want {
			t.Fatalf("%v: read as labels %v, want %v", p, ok, want)
		}
		if ok {
			read++
			samples, wantW, wantH, err := byImagePNG(raw, 1)
			if err != nil || w != wantW || h != wantH || !slices.Equal(labels, labelsOf(samples)) {
				t.Fatalf("%v: %d x %d labels differ from image/png's, error %v", p, w, h, err)
			}
		}
	}
	if read < generated/4 {
		t.Errorf("%d of %d files read", read, generated)
	}
	t.Logf("%d of %d files read, seeds 0 to %d", read, generated, generated-1)
}
