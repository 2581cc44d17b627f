package baseline

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// Which files of ../testdata are of the kind; what comes of them is compared with
// Pillow in package decode.
func TestKinds(t *testing.T) {
	for name, want := range map[string]bool{
		"jpeg420.jpg": true, "jpeg420thin.jpg": true, "jpeg420wide.jpg": true, "jpeg422.jpg": true, "jpeg440.jpg": true, "jpeg444.jpg": true,
		"gray.jpg": true, "restart.jpg": true, "oriented6.jpg": true,
		"progressive.jpg": false, "cmyk.jpg": false, "jpegrgb.jpg": false, "png_named.jpg": false, "rgb.png": false,
	} {
		_, err := Decode(read(t, name))
		if (err == nil) != want || err != nil && !errors.Is(err, ErrOther) {
			t.Errorf("%s: error %v, want one: %v", name, err, !want)
		}
	}
}

// A file that is cut anywhere is refused.
func TestCutFiles(t *testing.T) {
	for _, name := range []string{"jpeg420.jpg", "gray.jpg", "restart.jpg"} {
		raw := read(t, name)
		for n := range raw {
			if _, err := Decode(raw[:n]); err == nil {
				t.Fatalf("%s: decoded from %d of %d bytes", name, n, len(raw))
			}
		}
	}
}

// Restart markers that are missing, out of turn or early are not passed over.
func TestRestartsOutOfOrder(t *testing.T) {
	raw := read(t, "restart.jpg")
	at := bytes.Index(raw, []byte{0xff, firstRestart})
	if at < 0 {
		t.Fatal("no restart in restart.jpg")
	}
	for name, broken := range map[string][]byte{
		"out of turn": bytes.Replace(raw, []byte{0xff, firstRestart}, []byte{0xff, firstRestart + 3}, 1),
		"missing":     append(bytes.Clone(raw[:at]), raw[at+2:]...),
		"early":       append(bytes.Clone(raw[:at-3]), raw[at:]...),
	} {
		if _, err := Decode(broken); err == nil {
			t.Errorf("restart %s: decoded", name)
		}
	}
}

// A header that claims far more than the file can hold costs no memory.
func TestClaimedSize(t *testing.T) {
	raw := read(t, "gray.jpg")
	at := bytes.Index(raw, []byte{0xff, baselineDCT})
	copy(raw[at+5:], []byte{0x30, 0, 0x30, 0}) // 12288 x 12288
	allocated := testing.AllocsPerRun(1, func() {
		if _, err := Decode(raw); err == nil {
			t.Error("decoded")
		}
	})
	if allocated > 50 {
		t.Errorf("%v allocations", allocated)
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// planes are the samples of an image's planes without what pads them.
func planes(t rapid.TB, img image.Image) [][]uint8 {
	crop := func(pix []uint8, stride, w, h int) []uint8 {
		var out []uint8
		for y := range h {
			out = append(out, pix[y*stride:y*stride+w]...)
		}
		return out
	}
	b := img.Bounds()
	switch img := img.(type) {
	case *image.Gray:
		return [][]uint8{crop(img.Pix, img.Stride, b.Dx(), b.Dy())}
	case *image.YCbCr:
		w, h := (b.Dx()+1)/2, (b.Dy()+1)/2
		return [][]uint8{crop(img.Y, img.YStride, b.Dx(), b.Dy()), crop(img.Cb, img.CStride, w, h), crop(img.Cr, img.CStride, w, h)}
	}
	t.Fatalf("decoded to %T", img)
	return nil
}

// Planes are image/jpeg's but for the rounding of its other cosine transform.
func TestAsImageJPEG(t *testing.T) {
	const tolerance = 1
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 70).Draw(t, "w"), rapid.IntRange(1, 40).Draw(t, "h")
		bounds := image.Rect(0, 0, w, h)
		gray, rgba := image.NewGray(bounds), image.NewRGBA(bounds)
		noise, seed := rapid.IntRange(0, 255).Draw(t, "noise"), rapid.Uint32().Draw(t, "seed")
		for y := range h {
			for x := range w {
				seed = seed*1664525 + 1013904223
				v := 3*x + 2*y + int(seed>>24)*noise/255
				gray.SetGray(x, y, color.Gray{Y: uint8(v)})
				rgba.SetRGBA(x, y, color.RGBA{R: uint8(v), G: uint8(v / 2), B: uint8(seed >> 16), A: 255})
			}
		}
		var original image.Image = rgba
		if rapid.Bool().Draw(t, "gray") {
			original = gray
		}
		var file bytes.Buffer
		if err := jpeg.Encode(&file, original, &jpeg.Options{Quality: rapid.IntRange(1, 100).Draw(t, "quality")}); err != nil {
			t.Fatal(err)
		}
		got, err := Decode(file.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		want, err := jpeg.Decode(&file)
		if err != nil {
			t.Fatal(err)
		}
		wantPlanes := planes(t, want)
		for p, plane := range planes(t, got) {
			for i, v := range plane {
				if d := int(v) - int(wantPlanes[p][i]); max(d, -d) > tolerance {
					t.Fatalf("plane %d, sample %d: %d, image/jpeg has %d", p, i, v, wantPlanes[p][i])
				}
			}
		}
	})
}

// No file makes it panic, and what it decodes has the size that image/jpeg reads.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("../testdata/*.jpg")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds in ../testdata")
	}
	for _, file := range files {
		f.Add(read(f, filepath.Base(file)))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		cfg, err := jpeg.DecodeConfig(bytes.NewReader(raw))
		if err == nil && cfg.Width*cfg.Height > 1<<20 {
			return // slow, and no different
		}
		img, decodeErr := Decode(raw)
		if decodeErr != nil {
			return
		}
		if err != nil {
			t.Fatalf("decoded, but image/jpeg says: %v", err)
		}
		if size := img.Bounds().Size(); size.X != cfg.Width || size.Y != cfg.Height {
			t.Fatalf("%v pixels, image/jpeg has %d x %d", size, cfg.Width, cfg.Height)
		}
	})
}
