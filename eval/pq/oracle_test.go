package pq

import (
	"encoding/json"
	"fmt"
	"image"
	stdcolor "image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"eomt/data"
)

const oracle = "../../../shared/realdata/oracle_pq/deeplab2_maps"

// oracleFile is the published result of deeplab2's PQ on its three test images.
type oracleFile struct {
	ClassColors map[string]int            `json:"class_colors_rgb"`
	TruthClass  map[string]map[string]int `json:"gt_L_value_to_class"`
	Team        map[string]float64        `json:"team_only_3_classes"`
	All         map[string]float64        `json:"bird_cat_team_7_classes"`
}

func TestDeepLabOracle(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(oracle, "EXPECTED.json"))
	if err != nil {
		t.Skipf("real data is absent: %v", err)
	}
	var f oracleFile
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	check := func(what string, want map[string]float64, classes int, names ...string) {
		e, err := New(Exact, classTable(classes))
		if err != nil {
			t.Fatal(err)
		}
		var stats Stats
		for i, name := range names {
			stat, err := e.Image(f.image(t, int64(i), name))
			if err != nil {
				t.Fatal(err)
			}
			if err := stats.Add(stat); err != nil {
				t.Fatal(err)
			}
		}
		r := e.Result(&stats)
		tp, fn, fp := 0, 0, 0
		for _, c := range r.PerClass {
			tp, fn, fp = tp+c.TP, fn+c.FN, fp+c.FP
		}
		n := float64(classes)
		for key, got := range map[string]float64{"pq": r.All.PQ, "sq": r.All.SQ, "rq": r.All.RQ,
			"tp_mean": float64(tp) / n, "fn_mean": float64(fn) / n, "fp_mean": float64(fp) / n} {
			// deeplab2 publishes eight digits of single precision.
			if math.Abs(got-want[key]) > 1e-7 {
				t.Errorf("%s: %s = %v, want %v", what, key, got, want[key])
			}
		}
	}
	check("team", f.Team, 2, "team")
	check("all", f.All, 6, "bird", "cat", "team")
}

func classTable(n int) []data.Class {
	var classes []data.Class
	for id := 1; id <= n; id++ {
		classes = append(classes, data.Class{ID: id, Thing: true})
	}
	return classes
}

func readPNG(t *testing.T, name string) image.Image {
	t.Helper()
	file, err := os.Open(filepath.Join(oracle, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	img, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// luma is Pillow's convert("L"), alpha dropped.
func luma(c stdcolor.Color) uint32 {
	n := stdcolor.NRGBAModel.Convert(c).(stdcolor.NRGBA)
	return (19595*uint32(n.R) + 38470*uint32(n.G) + 7471*uint32(n.B) + 1<<15) >> 16
}

func (f oracleFile) image(t *testing.T, id int64, name string) Image {
	truthFile := name + "_gt.png"
	if name == "team" {
		truthFile = "team_gt_instance.png"
	}
	truth := readPNG(t, truthFile)
	instances, classes := readPNG(t, name+"_pred_instance.png"), readPNG(t, name+"_pred_class.png")
	return Image{
		ID: id,
		Truth: mapOf(truth, func(x, y int) (int, uint32) {
			l := luma(truth.At(x, y))
			return f.TruthClass[name][fmt.Sprint(l)], l
		}),
		Pred: mapOf(truth, func(x, y int) (int, uint32) {
			n := stdcolor.NRGBAModel.Convert(classes.At(x, y)).(stdcolor.NRGBA)
			return f.ClassColors[fmt.Sprintf("%d,%d,%d", n.R, n.G, n.B)], luma(instances.At(x, y))
		}),
	}
}

// mapOf makes one segment of each class and instance; class 0 is void.
func mapOf(img image.Image, at func(x, y int) (class int, instance uint32)) Map {
	b := img.Bounds()
	m := Map{W: b.Dx(), H: b.Dy()}
	areas := map[uint32]int{}
	for y := range m.H {
		for x := range m.W {
			class, instance := at(x+b.Min.X, y+b.Min.Y)
			id := uint32(Void)
			if class != 0 {
				id = uint32(class)<<8 | instance
				areas[id]++
			}
			m.IDs = append(m.IDs, id)
		}
	}
	for _, id := range sortedKeys(areas) {
		m.Segments = append(m.Segments, Segment{ID: int64(id), Category: int(id >> 8), Area: float64(areas[id])})
	}
	return m
}
