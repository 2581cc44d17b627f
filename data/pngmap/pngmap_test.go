package pngmap

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"eomt/data/decode"
)

// filtered returns a PNG of the samples with rows of all five filters, which are
// computed from the definition.
func filtered(w, h, samples int, colorType byte, pix []byte, rng *rand.Rand) []byte {
	var body bytes.Buffer
	z := zlib.NewWriter(&body)
	at := func(x, y, c int) int {
		if x < 0 || y < 0 {
			return 0
		}
		return int(pix[(y*w+x)*samples+c])
	}
	for y := range h {
		filter := rng.IntN(5)
		row := []byte{byte(filter)}
		for x := range w {
			for c := range samples {
				a, b, corner := at(x-1, y, c), at(x, y-1, c), 0
				if x > 0 {
					corner = at(x-1, y-1, c)
				}
				predicted := [5]int{0, a, b, (a + b) / 2, int(paeth(uint8(a), uint8(b), uint8(corner)))}[filter]
				row = append(row, byte(at(x, y, c)-predicted))
			}
		}
		z.Write(row)
	}
	z.Close()
	out := []byte(magic)
	chunk := func(kind string, body []byte) {
		out = binary.BigEndian.AppendUint32(out, uint32(len(body)))
		begin := len(out)
		out = append(append(out, kind...), body...)
		out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[begin:]))
	}
	header := binary.BigEndian.AppendUint32(nil, uint32(w))
	header = binary.BigEndian.AppendUint32(header, uint32(h))
	chunk("IHDR", append(header, 8, colorType, 0, 0, 0))
	if colorType == colorPalette {
		chunk("PLTE", make([]byte, 3*256))
	}
	split := body.Len() / 2
	chunk("IDAT", body.Bytes()[:split])
	chunk("IDAT", body.Bytes()[split:])
	chunk("IEND", nil)
	return out
}

// samplesOf returns blocks of few values, or noise.
func samplesOf(rng *rand.Rand, w, h, samples int) []byte {
	pix := make([]byte, w*h*samples)
	noise := rng.IntN(4) == 0
	table := make([]byte, 32)
	for i := range table {
		table[i] = byte(rng.Uint32())
	}
	for i := range pix {
		x, y, c := i/samples%w, i/samples/w, i%samples
		pix[i] = table[(x/7+3*(y/5)+11*c)%len(table)]
		if noise {
			pix[i] = byte(rng.Uint32())
		}
	}
	return pix
}

func TestEqualsImagePNG(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		w, h := 1+rng.IntN(40), 1+rng.IntN(30)
		raw := filtered(w, h, 3, colorRGB, samplesOf(rng, w, h, 3), rng)
		checkIDs(t, raw)
		for _, kind := range []byte{colorGray, colorPalette} {
			checkLabels(t, filtered(w, h, 1, kind, samplesOf(rng, w, h, 1), rng))
		}
	}
}

func checkIDs(t *testing.T, raw []byte) {
	t.Helper()
	want, w, h, err := decode.IDs(raw, "x.png")
	if err != nil {
		t.Fatal(err)
	}
	got, gw, gh, ok := IDs(raw)
	if !ok || gw != w || gh != h || !slices.Equal(got, want) {
		t.Fatalf("%d x %d: ids differ (ok %v)", w, h, ok)
	}
}

func checkLabels(t *testing.T, raw []byte) {
	t.Helper()
	want, w, h, err := decode.Labels(raw, "x.png")
	if err != nil {
		t.Fatal(err)
	}
	got, gw, gh, ok := Labels(raw)
	if !ok || gw != w || gh != h || !slices.Equal(got, want) {
		t.Fatalf("%d x %d: labels differ (ok %v)", w, h, ok)
	}
}

func TestLeavesOthersAlone(t *testing.T) {
	encode := func(img image.Image) []byte {
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	rect := image.Rect(0, 0, 5, 4)
	rng := rand.New(rand.NewPCG(1, 2))
	good := filtered(5, 4, 3, colorRGB, samplesOf(rng, 5, 4, 3), rng)
	broken := slices.Clone(good)
	broken[len(broken)-20] ^= 1
	for name, raw := range map[string][]byte{
		"empty": nil, "gray": encode(image.NewGray(rect)), "alpha": encode(image.NewNRGBA(rect)),
		"16 bit": encode(image.NewRGBA64(rect)), "bit flipped": broken, "cut": good[:len(good)-30],
		"without end": good[:len(good)-12], "not a PNG": []byte("\xff\xd8\xff"),
	} {
		if _, _, _, ok := IDs(raw); ok {
			t.Errorf("%s: decoded as ids", name)
		}
	}
	for name, raw := range map[string][]byte{
		"rgb": good, "16 bit": encode(image.NewGray16(rect)),
		"4 bit": encode(image.NewPaletted(rect, color.Palette{color.Black, color.White, color.Gray{Y: 9}})),
	} {
		if _, _, _, ok := Labels(raw); ok {
			t.Errorf("%s: decoded as labels", name)
		}
	}
}

// FuzzEqualsDecode: what is decoded here is what package decode decodes.
func FuzzEqualsDecode(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	f.Add(filtered(5, 4, 3, colorRGB, samplesOf(rng, 5, 4, 3), rng))
	f.Add(filtered(6, 3, 1, colorGray, samplesOf(rng, 6, 3, 1), rng))
	f.Add(filtered(6, 3, 1, colorPalette, samplesOf(rng, 6, 3, 1), rng))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if ids, _, _, ok := IDs(raw); ok {
			want, _, _, err := decode.IDs(raw, "")
			if err == nil && !slices.Equal(ids, want) {
				t.Fatal("ids differ")
			}
		}
		if labels, _, _, ok := Labels(raw); ok {
			want, _, _, err := decode.Labels(raw, "")
			if err == nil && !slices.Equal(labels, want) {
				t.Fatal("labels differ")
			}
		}
	})
}

const realMap = "../../../shared/realdata/coco_panoptic/397133/000000397133.png"

func TestRealMap(t *testing.T) {
	raw, err := os.ReadFile(realMap)
	if err != nil {
		t.Skipf("real data is absent: %v", err)
	}
	checkIDs(t, raw)
}

func BenchmarkRealMap(b *testing.B) {
	raw, err := os.ReadFile(realMap)
	if err != nil {
		b.Skipf("real data is absent: %v", err)
	}
	b.Run("pngmap", func(b *testing.B) {
		for b.Loop() {
			IDs(raw)
		}
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			decode.IDs(raw, "")
		}
	})
}
