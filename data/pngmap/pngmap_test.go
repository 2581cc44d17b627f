package pngmap

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
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

// byImagePNG returns the samples of the first count channels of each pixel, as
// image/png reads them.
func byImagePNG(raw []byte, count int) (samples []byte, w, h int, err error) {
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, 0, 0, err
	}
	var pix []byte
	size, stride := 1, 0
	switch img := img.(type) {
	case *image.Gray:
		pix, stride = img.Pix, img.Stride
	case *image.Paletted:
		pix, stride = img.Pix, img.Stride
	case *image.RGBA:
		pix, size, stride = img.Pix, 4, img.Stride
	case *image.NRGBA: // with a transparent colour
		pix, size, stride = img.Pix, 4, img.Stride
	default:
		return nil, 0, 0, fmt.Errorf("decoded to %T", img)
	}
	w, h = img.Bounds().Dx(), img.Bounds().Dy()
	for y := range h {
		for x := range w {
			samples = append(samples, pix[y*stride+x*size:][:count]...)
		}
	}
	return samples, w, h, nil
}

// idsOf and labelsOf make ids and labels of samples.
func idsOf(samples []byte) []uint32 {
	ids := make([]uint32, len(samples)/3)
	for i := range ids {
		ids[i] = uint32(samples[3*i]) | uint32(samples[3*i+1])<<8 | uint32(samples[3*i+2])<<16
	}
	return ids
}

func labelsOf(samples []byte) []uint16 {
	labels := make([]uint16, len(samples))
	for i, v := range samples {
		labels[i] = uint16(v)
	}
	return labels
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
	want, w, h, err := byImagePNG(raw, 3)
	if err != nil {
		t.Fatal(err)
	}
	got, gw, gh, ok := IDs(raw)
	if !ok || gw != w || gh != h || !slices.Equal(got, idsOf(want)) {
		t.Fatalf("%d x %d: ids differ (ok %v)", w, h, ok)
	}
	pix, gw, gh, ok := RGB(raw)
	if !ok || gw != w || gh != h || !bytes.Equal(pix, want) {
		t.Fatalf("%d x %d: pixels differ (ok %v)", w, h, ok)
	}
}

func checkLabels(t *testing.T, raw []byte) {
	t.Helper()
	want, w, h, err := byImagePNG(raw, 1)
	if err != nil {
		t.Fatal(err)
	}
	got, gw, gh, ok := Labels(raw)
	if !ok || gw != w || gh != h || !slices.Equal(got, labelsOf(want)) {
		t.Fatalf("%d x %d: labels differ (ok %v)", w, h, ok)
	}
}

// resized is a PNG that claims another size.
func resized(raw []byte, w, h uint32) []byte {
	raw = slices.Clone(raw)
	binary.BigEndian.PutUint32(raw[16:], w)
	binary.BigEndian.PutUint32(raw[20:], h)
	binary.BigEndian.PutUint32(raw[29:], crc32.ChecksumIEEE(raw[12:29]))
	return raw
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
		"without end": good[:len(good)-12], "too large": resized(good, 1<<13, 1<<13), "not a PNG": []byte("\xff\xd8\xff"),
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

// FuzzEqualsImagePNG: what is decoded here is what image/png decodes.
func FuzzEqualsImagePNG(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	f.Add(filtered(5, 4, 3, colorRGB, samplesOf(rng, 5, 4, 3), rng))
	f.Add(filtered(6, 3, 1, colorGray, samplesOf(rng, 6, 3, 1), rng))
	f.Add(filtered(6, 3, 1, colorPalette, samplesOf(rng, 6, 3, 1), rng))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 33 && binary.BigEndian.Uint16(raw[16:])|binary.BigEndian.Uint16(raw[20:]) != 0 {
			return // more than 65,535 pixels across or down: slow, and no different
		}
		if ids, _, _, ok := IDs(raw); ok {
			want, _, _, err := byImagePNG(raw, 3)
			if err == nil && !slices.Equal(ids, idsOf(want)) {
				t.Fatal("ids differ")
			}
		}
		if labels, _, _, ok := Labels(raw); ok {
			want, _, _, err := byImagePNG(raw, 1)
			if err == nil && !slices.Equal(labels, labelsOf(want)) {
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
	b.Run("image-png", func(b *testing.B) {
		for b.Loop() {
			png.Decode(bytes.NewReader(raw))
		}
	})
}
