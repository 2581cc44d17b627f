package cocofiles

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"eomt/data"
	"eomt/eval/ap"
	"eomt/eval/pq"
)

const realData = "../../../shared/realdata"

// readExpected reads an oracle's published figures, and skips where the folder is absent.
func readExpected(t testing.TB, dir string, into any) string {
	t.Helper()
	dir = filepath.Join(realData, dir)
	text, err := os.ReadFile(filepath.Join(dir, "EXPECTED.json"))
	if err != nil {
		t.Skipf("real data is absent: %v", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
	return dir
}

// near compares to a last digit: the order of a sum may differ.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %.16g, want %.16g", what, got, want)
	}
}

func scorePanoptic(t testing.TB, rule pq.Rule, files *Panoptic) pq.Result {
	t.Helper()
	evaluator, err := pq.New(rule, files.Classes)
	if err != nil {
		t.Fatal(err)
	}
	var stats pq.Stats
	for i := range files.Len() {
		img, err := files.Image(i)
		if err != nil {
			t.Fatal(err)
		}
		stat, err := evaluator.Image(img)
		if err != nil {
			t.Fatal(err)
		}
		if err := stats.Add(stat); err != nil {
			t.Fatal(err)
		}
	}
	return evaluator.Result(&stats)
}

func TestPanopticOracle(t *testing.T) {
	var want struct {
		All, Things, Stuff pq.Mean
		Stat               map[string]pq.ClassStat
	}
	dir := readExpected(t, "oracle_pq/deeplab_coco_format", &want)
	files, err := OpenPanoptic(filepath.Join(dir, "coco_gt.json"), "", filepath.Join(dir, "coco_pred.json"), filepath.Join(dir, "coco_pred"))
	if err != nil {
		t.Fatal(err)
	}
	got := scorePanoptic(t, pq.Exact, files)
	for name, pair := range map[string][2]pq.Mean{"All": {got.All, want.All}, "Things": {got.Things, want.Things}, "Stuff": {got.Stuff, want.Stuff}} {
		near(t, name+" PQ", pair[0].PQ, pair[1].PQ, 1e-12)
		near(t, name+" SQ", pair[0].SQ, pair[1].SQ, 1e-12)
		near(t, name+" RQ", pair[0].RQ, pair[1].RQ, 1e-12)
		if pair[0].N != pair[1].N {
			t.Errorf("%s: n = %d, want %d", name, pair[0].N, pair[1].N)
		}
	}
	for _, c := range got.PerClass {
		w := want.Stat[strconv.Itoa(c.ID)]
		near(t, c.Name+" IoU", c.IoU, w.IoU, 1e-12)
		if c.TP != w.TP || c.FP != w.FP || c.FN != w.FN {
			t.Errorf("class %d: tp, fp, fn = %d, %d, %d, want %d, %d, %d", c.ID, c.TP, c.FP, c.FN, w.TP, w.FP, w.FN)
		}
	}
}

// maskAreas gives truths the areas of their masks.
type maskAreas struct{ *Instances }

func (m maskAreas) Image(i int) (ap.Image, error) {
	img, err := m.Instances.Image(i)
	for k := range img.Truths {
		img.Truths[k].Area = float64(img.Truths[k].Mask.Area())
	}
	return img, err
}

func (set *Instances) classes() []data.Class { return set.Classes }

type instanceSource interface {
	classes() []data.Class
	Len() int
	Image(i int) (ap.Image, error)
}

func scoreInstances(t testing.TB, rule ap.Rule, files instanceSource) ap.Result {
	t.Helper()
	evaluator, err := ap.New(rule, files.classes())
	if err != nil {
		t.Fatal(err)
	}
	var stats ap.Stats
	for i := range files.Len() {
		img, err := files.Image(i)
		if err != nil {
			t.Fatal(err)
		}
		stat, err := evaluator.Image(img)
		if err != nil {
			t.Fatal(err)
		}
		if err := stats.Add(stat); err != nil {
			t.Fatal(err)
		}
	}
	return evaluator.Result(&stats)
}

func TestInstanceOracle(t *testing.T) {
	var want struct {
		Published map[string]float64 `json:"published_stats_segm"`
		PerClass  map[string]float64 `json:"per_category_AP_recomputed_here"`
		MaskArea  map[string]any     `json:"with_gt_area_from_mask_instead_of_json"`
	}
	dir := readExpected(t, "oracle_ap", &want)
	files, err := OpenInstances(filepath.Join(dir, "instances_val2014_100.json"), filepath.Join(dir, "instances_val2014_fakesegm100_results.json"))
	if err != nil {
		t.Fatal(err)
	}
	result := scoreInstances(t, ap.Exact, files)
	got := figures(t, result)
	if len(want.Published) != 12 || len(want.PerClass) != 80 {
		t.Fatalf("%d published figures, %d classes", len(want.Published), len(want.PerClass))
	}
	for name, value := range want.Published {
		near(t, name, got[name].(float64), value, 1e-12)
	}
	for _, c := range result.PerClass {
		near(t, "AP of "+c.Name, c.AP, want.PerClass[strconv.Itoa(c.ID)], 1e-12)
	}
	byMask := figures(t, scoreInstances(t, ap.Exact, maskAreas{files}))
	for _, name := range []string{"APs", "APm", "APl"} {
		near(t, name+" by mask area", byMask[name].(float64), want.MaskArea[name].(float64), 5e-7) // six digits are given
	}
}

// figures returns a result as its JSON reads.
func figures(t testing.TB, r any) map[string]any {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	return got
}
