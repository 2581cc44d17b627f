package postprocess

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"os"
	"testing"

	"eomt/data/transform"
)

// golden is what scripts/goldens/postprocess.py writes.
type golden struct {
	Classes, Queries int
	Stuff            []int
	TopK             int `json:"top_k"`
	Cases            []goldenCase
	Semantic         []goldenCase
}

type goldenCase struct {
	Name                  string
	Input, Grid, Original [2]int // height, width
	B                     int
	Masks, Class          packed
	PanopticClass         packed `json:"panoptic_class"`
	PanopticSegment       packed `json:"panoptic_segment"`
	InstanceMasks         packed `json:"instance_masks"`
	Labels                json.RawMessage
	Scores                json.RawMessage
}

// packed is a zlib-compressed little-endian array.
type packed []byte

func (p *packed) UnmarshalJSON(text []byte) error {
	var encoded string
	if err := json.Unmarshal(text, &encoded); err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return err
	}
	reader, err := zlib.NewReader(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	*p, err = io.ReadAll(reader)
	return err
}

func (p packed) floats() []float32 {
	out := make([]float32, len(p)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(p[4*i:]))
	}
	return out
}

func (p packed) int16s() []int {
	out := make([]int, len(p)/2)
	for i := range out {
		out[i] = int(int16(binary.LittleEndian.Uint16(p[2*i:])))
	}
	return out
}

func readGolden(t *testing.T) golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g golden) logits(c goldenCase) Logits {
	return Logits{B: c.B, MaskH: c.Grid[0], MaskW: c.Grid[1], Queries: g.Queries, Classes: g.Classes,
		Masks: c.Masks.floats(), Class: c.Class.floats()}
}

func (c goldenCase) geometry() transform.Geometry {
	return transform.FitSize(transform.Size{W: c.Original[1], H: c.Original[0]}, c.Input[0], c.Input[1])
}

func (g golden) isStuff() []bool {
	stuff := make([]bool, g.Classes)
	for _, c := range g.Stuff {
		stuff[c] = true
	}
	return stuff
}

func TestPanopticIsTheReferences(t *testing.T) {
	g := readGolden(t)
	for _, c := range g.Cases {
		t.Run(c.Name, func(t *testing.T) {
			got := Panoptic(g.logits(c), c.geometry(), PanopticOptions{Score: 0.8, Overlap: 0.8, Stuff: g.isStuff()})
			class, segment := c.PanopticClass.int16s(), c.PanopticSegment.int16s()
			if len(got.IDs) != len(class) {
				t.Fatalf("%d pixels, want %d", len(got.IDs), len(class))
			}
			areas := map[uint32]int{}
			for i, id := range got.IDs {
				if int(id) != segment[i]+1 {
					t.Fatalf("pixel %d: segment %d, want %d", i, id, segment[i]+1)
				}
				if id == 0 {
					continue
				}
				areas[id]++
				if s := got.Segments[id-1]; s.ID != id || s.Class != class[i] {
					t.Fatalf("pixel %d: segment %+v, want class %d", i, s, class[i])
				}
			}
			for _, s := range got.Segments {
				if s.Area != areas[s.ID] || s.Score <= 0.8 || s.Score > 1 {
					t.Errorf("segment %+v: area in the map is %d", s, areas[s.ID])
				}
			}
			t.Logf("%d segments", len(got.Segments))
		})
	}
}

func TestInstancesAreTheReferences(t *testing.T) {
	g := readGolden(t)
	for _, c := range g.Cases {
		t.Run(c.Name, func(t *testing.T) {
			var labels []int
			var scores []float64
			if err := json.Unmarshal(c.Labels, &labels); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(c.Scores, &scores); err != nil {
				t.Fatal(err)
			}
			got := Instances(g.logits(c), c.geometry(), g.TopK)
			if len(got) != len(labels) {
				t.Fatalf("%d detections, want %d", len(got), len(labels))
			}
			size := (c.Original[0]*c.Original[1] + 7) / 8
			left := map[int]bool{} // of the reference's, which are in any order
			for i := range labels {
				left[i] = true
			}
			for _, d := range got {
				pix := d.Mask.Decode()
				match := -1
				for i := range left {
					// The reference sums a mask's probabilities in float32.
					if labels[i] == d.Class && math.Abs(scores[i]-d.Score) <= 1e-5 && sameBits(pix, c.InstanceMasks[i*size:(i+1)*size]) {
						match = i
						break
					}
				}
				if match < 0 {
					t.Errorf("class %d, score %v, area %d: not among the reference's", d.Class, d.Score, d.Mask.Area())
				}
				delete(left, match)
			}
		})
	}
}

// sameBits compares bytes of 0 and 1 with numpy's packed bits.
func sameBits(pix []uint8, bits []byte) bool {
	for i, p := range pix {
		if bits[i/8]>>(7-i%8)&1 != p {
			return false
		}
	}
	return true
}

func TestSemanticIsTheReferences(t *testing.T) {
	g := readGolden(t)
	for _, c := range g.Semantic {
		t.Run(c.Name, func(t *testing.T) {
			var labels packed
			if err := json.Unmarshal(c.Labels, &labels); err != nil {
				t.Fatal(err)
			}
			plan := transform.PlanWindows(transform.Size{W: c.Original[1], H: c.Original[0]}, c.Input[0])
			if len(plan.Starts) != c.B {
				t.Fatalf("%d windows, want %d", len(plan.Starts), c.B)
			}
			windows := make([]Logits, c.B)
			for i := range windows {
				windows[i] = g.logits(c).Image(i)
			}
			got := Semantic(windows, plan)
			if len(got.Pix) != len(labels) {
				t.Fatalf("%d pixels, want %d", len(got.Pix), len(labels))
			}
			for i, want := range labels {
				if got.Pix[i] != uint16(want) {
					t.Fatalf("pixel %d: class %d, want %d", i, got.Pix[i], want)
				}
			}
			t.Logf("%d windows", c.B)
		})
	}
}
