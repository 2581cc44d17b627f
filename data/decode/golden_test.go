package decode_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/data"
	"eomt/data/decode"
)

// realData holds real samples; tests that need them skip where it is absent.
const realData = "../../../shared/realdata"

// golden is what Pillow reads from the files of testdata (scripts/goldens/decode.py).
type golden struct {
	Images, Oriented, Labels, IDs map[string]goldenMap
	Real                          map[string]goldenReal
}

type goldenMap struct {
	W, H int
	Data string // base64 of RGB bytes, little-endian uint16 labels or uint32 ids
}

type goldenReal struct {
	W, H        int
	RGB, Labels string // sha256
	Pixels      [][3]uint8
}

func readGolden(t testing.TB) golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func (m goldenMap) bytes(t testing.TB) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(m.Data)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// tolerance is the largest difference from Pillow that a file's format allows.
func tolerance(name string) int {
	switch filepath.Ext(name) {
	case ".webp":
		if strings.HasPrefix(name, "lossy") {
			return 3 // libwebp's widening of colour planes rounds twice: one level there, twice that in RGB
		}
	}
	return 0
}

func compare(t *testing.T, name string, got data.RGB, want goldenMap) {
	t.Helper()
	if got.W != want.W || got.H != want.H {
		t.Fatalf("%s: %d x %d pixels, want %d x %d", name, got.W, got.H, want.W, want.H)
	}
	worst, at := 0, 0
	for i, v := range want.bytes(t) {
		if d := int(got.Pix[i]) - int(v); max(d, -d) > worst {
			worst, at = max(d, -d), i
		}
	}
	if limit := tolerance(name); worst > limit {
		t.Errorf("%s: pixel %d differs from Pillow by %d levels, allowed %d", name, at/3, worst, limit)
	}
}

func TestImageEqualsPillow(t *testing.T) {
	for name, want := range readGolden(t).Images {
		t.Run(name, func(t *testing.T) {
			got, err := decode.Image(read(t, "testdata/"+name), name)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, name, got, want)
		})
	}
}

func TestImageOrientedEqualsPillow(t *testing.T) {
	for name, want := range readGolden(t).Oriented {
		t.Run(name, func(t *testing.T) {
			got, err := decode.ImageOriented(read(t, "testdata/"+name), name)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, name, got, want)
			s := data.Sample{Name: name}
			if err := decode.Into(&s, read(t, "testdata/"+name), true); err != nil {
				t.Fatal(err)
			}
			compare(t, name, s.Image, want)
			if digit := strings.TrimPrefix(name, "oriented")[0]; s.Orientation != int(digit-'0') {
				t.Errorf("orientation %d", s.Orientation)
			}
		})
	}
}

func TestLabelsEqualPillow(t *testing.T) {
	for name, want := range readGolden(t).Labels {
		t.Run(name, func(t *testing.T) {
			got, w, h, err := decode.Labels(read(t, "testdata/"+name), name)
			if err != nil {
				t.Fatal(err)
			}
			if w != want.W || h != want.H {
				t.Fatalf("%d x %d pixels, want %d x %d", w, h, want.W, want.H)
			}
			raw := want.bytes(t)
			for i, v := range got {
				if expected := binary.LittleEndian.Uint16(raw[2*i:]); v != expected {
					t.Fatalf("pixel %d: label %d, want %d", i, v, expected)
				}
			}
		})
	}
}

func TestIDsEqualPillow(t *testing.T) {
	for name, want := range readGolden(t).IDs {
		t.Run(name, func(t *testing.T) {
			got, w, h, err := decode.IDs(read(t, "testdata/"+name), name)
			if err != nil {
				t.Fatal(err)
			}
			if w != want.W || h != want.H {
				t.Fatalf("%d x %d pixels, want %d x %d", w, h, want.W, want.H)
			}
			raw := want.bytes(t)
			for i, v := range got {
				if expected := binary.LittleEndian.Uint32(raw[4*i:]); v != expected {
					t.Fatalf("pixel %d: id %d, want %d", i, v, expected)
				}
			}
		})
	}
}

func TestRealFilesEqualPillow(t *testing.T) {
	if _, err := os.Stat(realData); err != nil {
		t.Skipf("no real samples in %s", realData)
	}
	for name, want := range readGolden(t).Real {
		raw := read(t, filepath.Join(realData, name))
		got, err := decode.Image(raw, name)
		if err != nil {
			t.Error(err)
			continue
		}
		if got.W != want.W || got.H != want.H {
			t.Errorf("%s: %d x %d pixels, want %d x %d", name, got.W, got.H, want.W, want.H)
			continue
		}
		if tolerance(name) == 0 && hash(got.Pix) != want.RGB {
			t.Errorf("%s: pixels differ from Pillow's", name)
		}
		for i, p := range want.Pixels {
			// As numpy's linspace over the pixels, truncated.
			at := i * (got.W*got.H - 1) / (len(want.Pixels) - 1)
			for c := range 3 {
				if d := int(got.Pix[3*at+c]) - int(p[c]); max(d, -d) > tolerance(name) {
					t.Errorf("%s: pixel %d is %v, want %v", name, at, got.Pix[3*at:3*at+3], p)
				}
			}
		}
		if want.Labels != "" {
			labels, _, _, err := decode.Labels(raw, name)
			if err != nil {
				t.Error(err)
			} else if packed, _ := binary.Append(nil, binary.LittleEndian, labels); hash(packed) != want.Labels {
				t.Errorf("%s: labels differ from Pillow's", name)
			}
		}
	}
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
