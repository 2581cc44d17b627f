package rle

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"eomt/data"

	"pgregory.net/rapid"
)

// realRLE is shared/realdata's file of all 839 annotations as cocoapi's C code
// decodes them; tests that read it are skipped where it is absent.
const realRLE = "../../../shared/realdata/oracle_ap"

func readReal(t testing.TB, name string, into any) {
	t.Helper()
	path := filepath.Join(realRLE, name)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("real data is absent: %v", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func TestRealAnnotationsEqualCocoapi(t *testing.T) {
	var golden struct {
		Annotations []struct {
			ID   int
			H, W int
			Area int
			BBox [4]float64
			RLE  string
		}
	}
	readReal(t, "rle_golden_val2014_100.json", &golden)
	segmentations := realSegmentations(t)
	if len(golden.Annotations) != 839 {
		t.Fatalf("%d annotations, want 839", len(golden.Annotations))
	}
	for _, g := range golden.Annotations {
		m := decodeAny(t, segmentations[g.ID], g.H, g.W)
		if m.String() != g.RLE {
			t.Errorf("annotation %d: %q, want %q", g.ID, m, g.RLE)
		}
		box := m.BBox()
		for k, want := range g.BBox {
			if float64(box[k]) != want {
				t.Errorf("annotation %d: box %v, want %v", g.ID, box, g.BBox)
			}
		}
		if m.Area() != g.Area {
			t.Errorf("annotation %d: area %d, want %d", g.ID, m.Area(), g.Area)
		}
	}
}

func realSegmentations(t testing.TB) map[int]json.RawMessage {
	var instances struct {
		Annotations []struct {
			ID           int
			Segmentation json.RawMessage
		}
	}
	readReal(t, "instances_val2014_100.json", &instances)
	byID := map[int]json.RawMessage{}
	for _, a := range instances.Annotations {
		byID[a.ID] = a.Segmentation
	}
	return byID
}

// decodeAny decodes polygons or plain counts.
func decodeAny(t testing.TB, text json.RawMessage, h, w int) Mask {
	t.Helper()
	var plain struct{ Counts []uint32 }
	var polygons [][]float64
	var m Mask
	var err error
	if json.Unmarshal(text, &polygons) == nil {
		m, err = FromPolygons(polygons, h, w)
	} else if err = json.Unmarshal(text, &plain); err == nil {
		m, err = FromCounts(plain.Counts, h, w)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPublishedVectors(t *testing.T) {
	var v struct {
		H, W         int
		Poly         [][]float64
		PolyRLE      []string `json:"poly_rle"`
		BBox         [][4]float64
		BBoxRLE      []string `json:"bbox_rle"`
		Uncompressed struct {
			Size   [2]int
			Counts []uint32
		}
		UncompressedRLE string `json:"uncompressed_rle"`
	}
	readReal(t, "rle_vectors.json", &v)
	check := func(xy []float64, want string) {
		m, err := FromPolygons([][]float64{xy}, v.H, v.W)
		if err != nil || m.String() != want {
			t.Errorf("%v: %q, %v, want %q", xy, m, err, want)
		}
	}
	for i, xy := range v.Poly {
		check(xy, v.PolyRLE[i])
	}
	for i, b := range v.BBox {
		x0, y0, x1, y1 := b[0], b[1], b[0]+b[2], b[1]+b[3]
		check([]float64{x0, y0, x0, y1, x1, y1, x1, y0}, v.BBoxRLE[i])
	}
	m := Mask{H: v.Uncompressed.Size[0], W: v.Uncompressed.Size[1], Counts: v.Uncompressed.Counts}
	if m.String() != v.UncompressedRLE {
		t.Errorf("%q, want %q", m, v.UncompressedRLE)
	}
}

// drawMask draws a mask of any density, as its pixels too.
func drawMask(t *rapid.T, h, w int) (Mask, []uint8) {
	pix := rapid.SliceOfN(rapid.Uint8Range(0, 1), h*w, h*w).Draw(t, "pix")
	return Encode(pix, h, w), pix
}

func TestRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, w := rapid.IntRange(0, 20).Draw(t, "h"), rapid.IntRange(0, 40).Draw(t, "w")
		m, pix := drawMask(t, h, w)
		if !slices.Equal(m.Decode(), pix) {
			t.Fatal("Decode(Encode(pix)) differs from pix")
		}
		again, err := FromString(m.String(), h, w)
		if err != nil || !slices.Equal(again.Counts, m.Counts) {
			t.Fatalf("FromString(String()) = %v, %v, want %v", again, err, m)
		}
		again, err = FromCounts(m.Counts, h, w)
		if err != nil || !slices.Equal(again.Counts, m.Counts) {
			t.Fatalf("FromCounts = %v, %v, want %v", again, err, m)
		}
	})
}

func TestMaskAgreesWithItsPixels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, w := rapid.IntRange(1, 12).Draw(t, "h"), rapid.IntRange(1, 12).Draw(t, "w")
		a, pixA := drawMask(t, h, w)
		b, pixB := drawMask(t, h, w)
		var areaA, inter, union int
		planes := data.NewPlanes(w, h, 64)
		a.Paint(planes, 3)
		b.Paint(planes, 40)
		both, either := Merge([]Mask{a, b}, true).Decode(), Merge([]Mask{a, b}, false).Decode()
		for i := range pixA {
			areaA += int(pixA[i])
			inter += int(pixA[i] & pixB[i])
			union += int(pixA[i] | pixB[i])
			if both[i] != pixA[i]&pixB[i] || either[i] != pixA[i]|pixB[i] {
				t.Fatalf("merge differs at pixel %d", i)
			}
			if planes.At(i%w, i/w, 3) != (pixA[i] == 1) || planes.At(i%w, i/w, 40) != (pixB[i] == 1) {
				t.Fatalf("painted planes differ at pixel %d", i)
			}
		}
		if a.Area() != areaA {
			t.Fatalf("area %d, want %d", a.Area(), areaA)
		}
		want := 0.
		if inter > 0 {
			want = float64(inter) / float64(union)
		}
		if got := IoU([]Mask{a}, []Mask{b}, nil)[0]; got != want {
			t.Fatalf("IoU %v, want %v", got, want)
		}
	})
}

func TestIoUOfDifferentSizes(t *testing.T) {
	one := Mask{H: 1, W: 2, Counts: []uint32{0, 2}}
	two := Mask{H: 2, W: 1, Counts: []uint32{0, 2}}
	if got := IoU([]Mask{one}, []Mask{two}, nil)[0]; got != -1 {
		t.Errorf("IoU of different sizes %v, want -1", got)
	}
}

func TestRejected(t *testing.T) {
	str := func(s string, h, w int) error { _, err := FromString(s, h, w); return err }
	counts := func(h, w int, c ...uint32) error { _, err := FromCounts(c, h, w); return err }
	poly := func(p ...[]float64) error { _, err := FromPolygons(p, 4, 4); return err }
	for _, c := range []struct {
		err  error
		want string
	}{
		{str("5", 2, 3), "runs add up to 5 pixels, want 2 x 3 = 6"},
		{str("7", 2, 3), "runs add up to 7 pixels, want 2 x 3 = 6"},
		{str("!6", 2, 3), "at 0: character '!' does not belong to a compressed mask"},
		{str("6\x80", 2, 3), "at 1: character '\\u0080'"},
		{str("6P", 2, 3), "at 1: ends inside a number"},
		{str("PPPPPPPP0", 2, 3), "at 0: number is too long"},
		{str("O7", 2, 3), "at 0: run of -1 pixels"},
		{str("2222L", 2, 3), "at 4: run of -"},
		{str("6", -2, -3), "size -2 x -3 (height x width) is not a mask size"},
		{str("6", 1<<20, 1<<20), "is not a mask size"},
		{counts(2, 3, 1, 2), "runs add up to 3 pixels"},
		{counts(2, 3, math.MaxUint32, 7), "runs add up to 4294967302 pixels"},
		{counts(-1, 3), "is not a mask size"},
		{poly(), "no polygon, want at least one"},
		{poly([]float64{0, 0, 1, 1, 2, 0}, []float64{}), "polygon 2 of 2: 0 numbers, want pairs"},
		{poly([]float64{0, 0, 1}), "polygon 1 of 1: 3 numbers, want pairs"},
		{poly([]float64{0, math.NaN()}), "number 2 is NaN, want a coordinate"},
		{poly([]float64{math.Inf(-1), 0}), "number 1 is -Inf, want a coordinate"},
		{poly([]float64{1e9, 0}), "number 1 is 1e+09, want a coordinate"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) || !strings.HasPrefix(c.err.Error(), "rle: ") {
			t.Errorf("error %v, want rle: ... %q", c.err, c.want)
		}
	}
}

func TestMisusePanics(t *testing.T) {
	m := Mask{H: 1, W: 2, Counts: []uint32{0, 2}}
	for name, f := range map[string]func(){
		"rle: Encode: ": func() { Encode(make([]uint8, 5), 2, 3) },
		"rle: Paint: ":  func() { m.Paint(data.NewPlanes(2, 1, 1), 32) },
		"rle: Merge: ":  func() { Merge([]Mask{m, {H: 2, W: 1, Counts: m.Counts}}, false) },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, name) {
					t.Errorf("panic %q, want %s...", text, name)
				}
			}()
			f()
		}()
	}
}

func TestHugePolygonIsCheap(t *testing.T) {
	m, err := FromPolygons([][]float64{{-6e7, -6e7, 6e7, -6e7, 6e7, 6e7, -6e7, 6e7}}, 3, 5)
	if err != nil || m.Area() != 15 {
		t.Errorf("area %d, %v, want all 15 pixels", m.Area(), err)
	}
	m, err = FromPolygons([][]float64{{0, 0, 9, 0, 9, 1, 0, 1}}, 1, math.MaxUint32)
	if err != nil || m.Area() != 9 {
		t.Errorf("area %d, %v, want 9 pixels of a very wide image", m.Area(), err)
	}
}

func TestNothingMerged(t *testing.T) {
	if m := Merge(nil, false); m.H != 0 || m.Counts != nil {
		t.Errorf("Merge(nil) = %v, want the zero Mask", m)
	}
}

// Sizes near the largest do not overflow a run.
func TestBoundaryOfTheLargestMask(t *testing.T) {
	const w = math.MaxUint32
	m := Mask{H: 1, W: w, Counts: []uint32{w - 100, 100}} // thinner than the distance: all boundary
	if got := m.Boundary(0.02); got.Area() != 100 || !slices.Equal(got.Counts, m.Counts) {
		t.Errorf("runs %v, want %v", got.Counts, m.Counts)
	}
}
