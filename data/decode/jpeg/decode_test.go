package jpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"eomt/data/decode/jpeg/jpegtest"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// The samples are compared with Pillow's in package decode.
func TestKinds(t *testing.T) {
	for name, want := range map[string]Color{
		"jpeg420.jpg": YCbCr, "jpeg440.jpg": YCbCr, "progressive.jpg": YCbCr, "restart.jpg": YCbCr,
		"gray.jpg": Gray, "cmyk.jpg": CMYK, "jpegrgb.jpg": RGB,
	} {
		img, err := Decode(read(t, name))
		if err != nil || img.Color != want {
			t.Errorf("%s: %+v, error %v, want color %d", name, img, err, want)
		}
	}
}

// A file that is cut anywhere is said to end too early.
func TestCutFiles(t *testing.T) {
	files := map[string][]byte{}
	for _, name := range []string{"jpeg420.jpg", "gray.jpg", "restart.jpg", "progressive.jpg", "cmyk.jpg"} {
		files[name] = read(t, name)
	}
	for seed := range uint64(40) {
		f := jpegtest.Random(seed)
		files[f.String()] = f.Encode()
	}
	for name, raw := range files {
		for n := 2; n < len(raw); n += 1 + n%3 {
			if _, err := Decode(raw[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s: error %v from %d of %d bytes", name, err, n, len(raw))
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
		if _, err := Decode(broken); err == nil || !strings.Contains(err.Error(), "image data is damaged near byte") {
			t.Errorf("restart %s: error %v", name, err)
		}
	}
}

// Bytes between the image data and the next marker are passed over, as in libjpeg.
func TestBytesBeforeAMarker(t *testing.T) {
	for _, name := range []string{"gray.jpg", "progressive.jpg"} {
		raw := read(t, name)
		want, err := Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		end := len(raw) - 2
		for _, extra := range []string{"\x00\x12\x34", "\xff\x00", "\xff\xd0", "\xff\xff\xff"} {
			got, err := Decode(append(append(bytes.Clone(raw[:end]), extra...), raw[end:]...))
			if err != nil || !bytes.Equal(got.Planes[0].Pix, want.Planes[0].Pix) {
				t.Errorf("%s with % x before its end: error %v", name, extra, err)
			}
		}
	}
}

// claim sets the size that a file states.
func claim(raw []byte, frame uint8, w, h uint16) []byte {
	raw = bytes.Clone(raw)
	at := bytes.Index(raw, []byte{0xff, frame})
	binary.BigEndian.PutUint16(raw[at+5:], h)
	binary.BigEndian.PutUint16(raw[at+7:], w)
	return raw
}

// A header that claims far more than the file can hold costs no memory.
func TestClaimedSize(t *testing.T) {
	for _, raw := range [][]byte{
		claim(read(t, "gray.jpg"), baselineDCT, 12288, 12288), claim(read(t, "progressive.jpg"), progressive, 12288, 12288),
		claim(read(t, "cmyk.jpg"), baselineDCT, 12288, 12288),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(raw)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "cannot hold 12288 x 12288 pixels") {
			t.Errorf("error %v", err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
			t.Errorf("%d bytes allocated", got)
		}
	}
}

func TestUnsupported(t *testing.T) {
	raw := read(t, "gray.jpg")
	at := bytes.Index(raw, []byte{0xff, baselineDCT})
	for name, change := range map[string]struct {
		at    int
		value byte
		want  string
	}{
		"arithmetic": {1, arithmetic, "arithmetic coding, which -tags turbo reads"}, "lossless": {1, lossless, "lossless or hierarchical"},
		"12 bits": {4, 12, "12 bits per sample, want 8"},
	} {
		other := bytes.Clone(raw)
		other[at+change.at] = change.value
		_, err := Decode(other)
		if !errors.As(err, new(UnsupportedError)) || !strings.Contains(err.Error(), change.want) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	rgb := read(t, "jpeg444.jpg")
	at = bytes.Index(rgb, []byte{0xff, baselineDCT})
	rgb[at+11] = 0x31
	rgb[at+14] = 0x21
	if _, err := Decode(rgb); err == nil || !strings.Contains(err.Error(), "not an integer ratio") {
		t.Errorf("factors 3 and 2: error %v", err)
	}
}

// Each damage of a header has its message.
func TestDamagedHeaders(t *testing.T) {
	color, gray := read(t, "jpeg444.jpg"), read(t, "progressive.jpg")
	at := func(raw []byte, marker byte) int { return bytes.Index(raw, []byte{0xff, marker}) }
	change := func(raw []byte, i int, v byte) []byte {
		raw = bytes.Clone(raw)
		raw[i] = v
		return raw
	}
	frame, scan, table, prog := at(color, baselineDCT), at(color, startOfScan), at(color, quantisers), at(gray, startOfScan)
	for _, c := range []struct {
		want string
		raw  []byte
	}{
		{"no start of image", []byte("\x89PNG")},
		{"a scan precedes the frame header", append(bytes.Clone(color[:frame]), color[scan:]...)},
		{"no frame header", []byte("\xff\xd8\xff\xd9")},
		{"two frame headers", append(bytes.Clone(color[:scan]), color[frame:]...)},
		{"frame header of wrong length", change(color, frame+9, 2)},
		{"a size of 0 x 29 pixels", claim(color, baselineDCT, 0, 29)},
		{"two components 1", change(color, frame+13, 1)},
		{"component 1 with sampling factors 0 x 1", change(color, frame+11, 0x01)},
		{"scan header of wrong length", change(color, scan+4, 2)},
		{"scan of component 77, which", change(color, scan+5, 77)},
		{"component 2 twice", change(color, scan+5, 2)},
		{"scan with Huffman tables 9 and 0", change(color, scan+6, 0x90)},
		{"component 1 without its Huffman tables", change(color, scan+6, 0x30)},
		{"component 1 without its table of quantisers", change(color, frame+12, 3)},
		{"damaged table of quantisers", change(color, table+4, 0x50)},
		{"damaged Huffman table", change(color, at(color, huffmanTables)+4, 0x50)},
		{"unexpected marker ff01", change(color, table+1, 0x01)},
		{"segment ffdb of 0 bytes", change(change(color, table+3, 0), table+2, 0)},
		{"restart interval of wrong length", []byte("\xff\xd8\xff\xdd\x00\x03\x01")},
		{"progressive scan of coefficients 0 to 9 of 3 components", change(gray, prog+12, 9)},
		{"progressive scan from bit 3 to bit 1", change(gray, prog+13, 0x31)},
		{"progressive scans out of order", change(gray, prog+13, 0x21)},
		{"no scan of component 1", append(bytes.Clone(gray[:prog]), 0xff, endOfImage)},
	} {
		if _, err := Decode(c.raw); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

// No file makes it panic, and what it decodes has the size that the header states.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("../testdata/*.jpg")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds in ../testdata")
	}
	for _, file := range files {
		f.Add(read(f, filepath.Base(file)))
	}
	for seed := range uint64(20) {
		f.Add(jpegtest.Random(seed).Encode())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		w, h, components, err := Size(raw)
		if w*h > 1<<20 {
			return // slow, and no different
		}
		img, decodeErr := Decode(raw)
		if decodeErr != nil {
			return
		}
		if err != nil || img.W != w || img.H != h || len(img.Planes) != components {
			t.Fatalf("%d x %d pixels, %d planes; the header says %d x %d, %d, error %v", img.W, img.H, len(img.Planes), w, h, components, err)
		}
		for _, p := range img.Planes {
			if p.W*p.X < w || p.H*p.Y < h || len(p.Pix) < p.Stride*p.H || p.W > p.Stride {
				t.Fatalf("plane of %d x %d samples, %d bytes, for %d x %d pixels", p.W, p.H, len(p.Pix), w, h)
			}
		}
	})
}
