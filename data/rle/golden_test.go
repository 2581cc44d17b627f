package rle

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// goldenMask is a mask as scripts/goldens/rle.py writes it.
type goldenMask struct {
	H, W     int
	Text     string
	Area     int
	BBox     [4]int
	Rows     []string    // '#' inside
	Polygons [][]float64 // whose union it is
}

func (g goldenMask) mask(t testing.TB) Mask {
	t.Helper()
	m, err := FromString(g.Text, g.H, g.W)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

type goldenPair struct {
	Dt, Gt              []goldenMask
	Crowd               []int
	IoU                 [][]float64
	Union, Intersection goldenMask
}

// readGolden returns testdata/golden.json, made with pycocotools.
func readGolden(t testing.TB) (golden struct {
	Masks, Polygons []goldenMask
	Pairs           []goldenPair
	Boundaries      []struct {
		H, W           int
		Ratio          float64
		Mask, Boundary string
	}
}) {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	return golden
}

func TestMasksEqualPycocotools(t *testing.T) {
	for i, g := range readGolden(t).Masks {
		var pix []uint8
		for _, row := range g.Rows {
			for _, c := range row {
				pix = append(pix, map[rune]uint8{'#': 1}[c])
			}
		}
		m := Encode(pix, g.H, g.W)
		if got := m.String(); got != g.Text {
			t.Errorf("mask %d: encoded %q, want %q", i, got, g.Text)
		}
		m = g.mask(t)
		if !slices.Equal(m.Decode(), pix) {
			t.Errorf("mask %d: decoded pixels differ", i)
		}
		if m.Area() != g.Area || m.BBox() != g.BBox {
			t.Errorf("mask %d: area %d box %v, want %d %v", i, m.Area(), m.BBox(), g.Area, g.BBox)
		}
	}
}

func TestPolygonsEqualPycocotools(t *testing.T) {
	for i, g := range readGolden(t).Polygons {
		m, err := FromPolygons(g.Polygons, g.H, g.W)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.String(); got != g.Text {
			t.Errorf("polygons %d %v in %d x %d: %q, want %q", i, g.Polygons, g.H, g.W, got, g.Text)
		}
	}
}

func TestPairsEqualPycocotools(t *testing.T) {
	for i, p := range readGolden(t).Pairs {
		var dt, gt []Mask
		for _, g := range p.Dt {
			dt = append(dt, g.mask(t))
		}
		var crowd []bool
		for j, g := range p.Gt {
			gt = append(gt, g.mask(t))
			crowd = append(crowd, p.Crowd[j] == 1)
		}
		ious := IoU(dt, gt, crowd)
		for d, row := range p.IoU {
			for g, want := range row {
				if got := ious[d*len(gt)+g]; got != want {
					t.Errorf("pair %d: IoU[%d,%d] = %v, want %v", i, d, g, got, want)
				}
			}
		}
		all := slices.Concat(dt, gt)
		if got := Merge(all, false).String(); got != p.Union.Text {
			t.Errorf("pair %d: union %q, want %q", i, got, p.Union.Text)
		}
		if got := Merge(all, true).String(); got != p.Intersection.Text {
			t.Errorf("pair %d: intersection %q, want %q", i, got, p.Intersection.Text)
		}
	}
}

func TestBoundariesEqualReference(t *testing.T) {
	for i, g := range readGolden(t).Boundaries {
		m, err := FromString(g.Mask, g.H, g.W)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Boundary(g.Ratio).String(); got != g.Boundary {
			t.Errorf("boundary %d of %d x %d at %v: %q, want %q", i, g.H, g.W, g.Ratio, got, g.Boundary)
		}
	}
}
