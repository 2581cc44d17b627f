package decode_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"eomt/data"
	"eomt/data/decode"
)

// wantFormatError checks that err is a FormatError naming path and containing reason.
func wantFormatError(t *testing.T, err error, path, reason string) {
	t.Helper()
	var broken *data.FormatError
	if !errors.As(err, &broken) {
		t.Fatalf("error %v (%T), want a *data.FormatError", err, err)
	}
	if broken.Path != path || !strings.Contains(broken.Reason, reason) {
		t.Errorf("error %q, want path %q and reason %q", err, path, reason)
	}
}

func TestTruncatedFiles(t *testing.T) {
	for _, name := range []string{"jpeg420.jpg", "jpeg444.jpg", "progressive.jpg", "restart.jpg", "gray.jpg", "cmyk.jpg", "rgb.png", "palette.png"} {
		raw := read(t, "testdata/"+name)
		for n := 8; n < len(raw); n += 1 + n%7 {
			if n >= len(raw)-12 && filepath.Ext(name) == ".png" {
				break // only the closing chunk is cut: the image is whole
			}
			_, err := decode.Image(raw[:n], name)
			wantFormatError(t, err, name, "truncated")
		}
		if _, err := decode.Image(raw[:len(raw)-1], name); filepath.Ext(name) == ".jpg" {
			wantFormatError(t, err, name, "truncated")
		}
	}
	for _, name := range []string{"lossy.webp", "lossless.webp", "rgb.tif", "deflate.tif"} {
		raw := read(t, "testdata/"+name)
		_, err := decode.Image(raw[:len(raw)/2], name)
		wantFormatError(t, err, name, "")
	}
}

func TestUnreadableFiles(t *testing.T) {
	damaged := read(t, "testdata/rgb.png")
	damaged[len(damaged)/2] ^= 0x10
	for _, c := range []struct{ name, raw, reason string }{
		{"empty", "", "the file is empty"},
		{"text", "<html>", "it starts with 3c 68 74 6d; expected a JPEG, PNG, WebP or TIFF"},
		{"short", "\xff", "it starts with ff"},
		{"damaged.png", string(damaged), "broken PNG"},
		{"bomb.png", pngHeader(60000, 60000), "60000 x 60000 pixels; at most 178956970"},
		{"zero.png", pngHeader(0, 5), "broken PNG"},
	} {
		_, err := decode.Image([]byte(c.raw), c.name)
		wantFormatError(t, err, c.name, c.reason)
		_, err = decode.ImageOriented([]byte(c.raw), c.name)
		wantFormatError(t, err, c.name, c.reason)
	}
}

func TestUnusableMaps(t *testing.T) {
	for _, c := range []struct{ name, labels, ids string }{
		{"gray.jpg", "not a PNG", "not a PNG"},
		{"rgb.png", "colour or alpha PNG", ""},
		{"grayalpha.png", "colour or alpha PNG", ""},
		{"label16.png", "", "16-bit PNG"},
	} {
		raw := read(t, "testdata/"+c.name)
		_, _, _, err := decode.Labels(raw, c.name)
		if c.labels != "" {
			wantFormatError(t, err, c.name, c.labels)
		} else if err != nil {
			t.Error(err)
		}
		_, _, _, err = decode.IDs(raw, c.name)
		if c.ids != "" {
			wantFormatError(t, err, c.name, c.ids)
		} else if err != nil {
			t.Error(err)
		}
	}
	bomb := []byte(pngHeader(1<<20, 1<<20))
	_, _, _, err := decode.Labels(bomb, "bomb.png")
	wantFormatError(t, err, "bomb.png", "at most")
	whole := read(t, "testdata/ids.png")
	_, _, _, err = decode.IDs(whole[:len(whole)-20], "cut.png")
	wantFormatError(t, err, "cut.png", "truncated")
}

// A progressive header's size is bounded by the file before anything is allocated.
func TestClaimedJPEGSize(t *testing.T) {
	raw := read(t, "testdata/progressive.jpg")
	at := bytes.Index(raw, []byte("\xff\xc2"))
	copy(raw[at+5:], []byte{0x30, 0, 0x30, 0}) // 12288 x 12288
	_, err := decode.Image(raw, "claim.jpg")
	wantFormatError(t, err, "claim.jpg", "truncated JPEG")
	large := append(raw, make([]byte, 3<<20)...)
	copy(large[at+5:], []byte{0x38, 0, 0x38, 0}) // 14336 x 14336
	_, err = decode.Image(large, "bomb.jpg")
	wantFormatError(t, err, "bomb.jpg", "14336 x 14336 pixels; at most 178956970")
}

// Likewise a PNG's, whose pixels deflate cannot compress to any size.
func TestClaimedPNGSize(t *testing.T) {
	raw := read(t, "testdata/gray16.png")
	binary.BigEndian.PutUint32(raw[16:], 13000)
	binary.BigEndian.PutUint32(raw[20:], 13000)
	binary.BigEndian.PutUint32(raw[29:], crc32.ChecksumIEEE(raw[12:29]))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := decode.Image(raw, "claim.png")
	wantFormatError(t, err, "claim.png", "truncated PNG")
	_, _, _, err = decode.Labels(raw, "claim.png")
	wantFormatError(t, err, "claim.png", "truncated PNG")
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes allocated", got)
	}
}

// pngHeader is a PNG that claims a size and ends there.
func pngHeader(w, h uint32) string {
	chunk := binary.BigEndian.AppendUint32([]byte("IHDR"), w)
	chunk = binary.BigEndian.AppendUint32(chunk, h)
	chunk = append(chunk, 8, 2, 0, 0, 0)
	sum := crc32.ChecksumIEEE(chunk)
	return "\x89PNG\r\n\x1a\n\x00\x00\x00\x0d" + string(binary.BigEndian.AppendUint32(chunk, sum))
}

func TestMapsSurviveEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, h := rapid.IntRange(1, 20).Draw(t, "w"), rapid.IntRange(1, 20).Draw(t, "h")
		ids := rapid.SliceOfN(rapid.Uint32Max(1<<24-1), w*h, w*h).Draw(t, "ids")
		labels := rapid.SliceOfN(rapid.Uint16Max(rapid.SampledFrom([]uint16{1, 255, 65535}).Draw(t, "largest")), w*h, w*h).Draw(t, "labels")

		raw, err := decode.EncodeIDs(ids, w, h)
		if err != nil {
			t.Fatal(err)
		}
		gotIDs, gotW, gotH, err := decode.IDs(raw, "ids")
		if err != nil || gotW != w || gotH != h || !equal(gotIDs, ids) {
			t.Fatalf("ids came back as %v (%d x %d), error %v", gotIDs, gotW, gotH, err)
		}
		raw, err = decode.EncodeLabels(labels, w, h)
		if err != nil {
			t.Fatal(err)
		}
		gotLabels, gotW, gotH, err := decode.Labels(raw, "labels")
		if err != nil || gotW != w || gotH != h || !equal(gotLabels, labels) {
			t.Fatalf("labels came back as %v (%d x %d), error %v", gotLabels, gotW, gotH, err)
		}
	})
}

func equal[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestEncodeRefuses(t *testing.T) {
	if _, err := decode.EncodeIDs([]uint32{0, 1 << 24}, 2, 1); err == nil || err.Error() != "decode: encode ids: id 16777216 at (1, 0) does not fit into 24 bits" {
		t.Error(err)
	}
	if _, err := decode.EncodeIDs(make([]uint32, 5), 2, 3); err == nil || err.Error() != "decode: encode ids: 5 values for a map of 2 x 3 pixels" {
		t.Error(err)
	}
	if _, err := decode.EncodeLabels(nil, 0, 3); err == nil || err.Error() != "decode: encode labels: 0 values for a map of 0 x 3 pixels" {
		t.Error(err)
	}
}

// seeds adds every file of testdata to a fuzz corpus.
func seeds(f *testing.F) {
	files, err := filepath.Glob("testdata/*.*")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds in testdata")
	}
	for _, file := range files {
		if filepath.Ext(file) == ".json" {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
}

func FuzzImage(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if claimed(raw) > 1<<20 {
			return // slow, and no different
		}
		img, err := decode.ImageOriented(raw, "fuzz")
		if err != nil {
			wantFormatError(t, err, "fuzz", "")
			return
		}
		if img.W <= 0 || img.H <= 0 || len(img.Pix) != 3*img.W*img.H {
			t.Fatalf("%d bytes for %d x %d pixels", len(img.Pix), img.W, img.H)
		}
		stored, err := decode.Image(raw, "fuzz")
		if err != nil || len(stored.Pix) != len(img.Pix) {
			t.Fatalf("turned image of %d bytes, stored one of %d, error %v", len(img.Pix), len(stored.Pix), err)
		}
	})
}

func FuzzMaps(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if claimed(raw) > 1<<20 {
			return
		}
		if labels, w, h, err := decode.Labels(raw, "fuzz"); err != nil {
			wantFormatError(t, err, "fuzz", "")
		} else if again, err := decode.EncodeLabels(labels, w, h); err != nil {
			t.Fatal(err)
		} else if back, _, _, err := decode.Labels(again, "again"); err != nil || !equal(back, labels) {
			t.Fatalf("labels changed on the way through a file, error %v", err)
		}
		if ids, w, h, err := decode.IDs(raw, "fuzz"); err != nil {
			wantFormatError(t, err, "fuzz", "")
		} else if again, err := decode.EncodeIDs(ids, w, h); err != nil {
			t.Fatal(err)
		} else if back, _, _, err := decode.IDs(again, "again"); err != nil || !equal(back, ids) {
			t.Fatalf("ids changed on the way through a file, error %v", err)
		}
	})
}

var benchmarkSink int

func BenchmarkImage(b *testing.B) {
	for _, name := range []string{"photo.jpg", "photo.png"} {
		raw := photo(b, filepath.Ext(name))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(3 * 640 * 480)
			for b.Loop() {
				img, err := decode.Image(raw, name)
				if err != nil {
					b.Fatal(err)
				}
				benchmarkSink += img.W
			}
		})
	}
}

func BenchmarkIDs(b *testing.B) {
	ids := make([]uint32, 640*427)
	for i := range ids {
		ids[i] = uint32(i/640/60*7+i%640/50) * 31337
	}
	raw, err := decode.EncodeIDs(ids, 640, 427)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(ids)))
	for b.Loop() {
		got, _, _, err := decode.IDs(raw, "ids.png")
		if err != nil {
			b.Fatal(err)
		}
		benchmarkSink += len(got)
	}
}
