package labelfiles

import (
	"archive/zip"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/data/decode"
	"eomt/eval/iou"
)

// expected is what scripts/goldens/metrics.py writes beside the label maps.
type expected struct {
	MIoU     float64 `json:"mIoU"`
	PerClass []struct {
		ID  int
		IoU float64
	} `json:"per_class"`
}

func score(t *testing.T, f Format, truth, pred string) iou.Result {
	t.Helper()
	pairs, err := Open(f, truth, pred)
	if err != nil {
		t.Fatal(err)
	}
	e := iou.New(f.Classes, f.Labels, f.Labels, f.Absent)
	var stats iou.Stats
	for i := range pairs.Len() {
		img, err := pairs.Image(i)
		if err != nil {
			t.Fatal(err)
		}
		stat, err := e.Image(img)
		if err != nil {
			t.Fatal(err)
		}
		if err := stats.Add(stat); err != nil {
			t.Fatal(err)
		}
	}
	return e.Result(&stats)
}

func TestRandomLabelsEqualReferences(t *testing.T) {
	for name, c := range map[string]struct {
		format    Format
		tolerance float64
	}{
		"cityscapes": {Cityscapes(), 1e-12}, // cityscapesscripts; another order of sums
		"ade20k":     {ADE20K(), 1e-7},      // torchmetrics gives single precision
	} {
		r, err := zip.OpenReader(filepath.Join("testdata", name+".zip"))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		folder := t.TempDir()
		if err := os.CopyFS(folder, r); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(folder, "expected.json"))
		if err != nil {
			t.Fatal(err)
		}
		var want expected
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		got := score(t, c.format, filepath.Join(folder, "gt"), filepath.Join(folder, "pred"))
		if !(math.Abs(got.MIoU-want.MIoU) <= c.tolerance) {
			t.Errorf("%s: mIoU %v, want %v", name, got.MIoU, want.MIoU)
		}
		byID := map[int]iou.ClassResult{}
		for _, class := range got.PerClass {
			byID[class.ID] = class
		}
		for _, w := range want.PerClass {
			if !(math.Abs(byID[w.ID].IoU-w.IoU) <= c.tolerance) {
				t.Errorf("%s: IoU of %d is %v, want %v", name, w.ID, byID[w.ID].IoU, w.IoU)
			}
		}
	}
}

func TestADE20KOracle(t *testing.T) {
	const dir = "../../../shared/realdata/ade20k/ADEChallengeData2016/annotations/validation"
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("real data is absent: %v", err)
	}
	r := score(t, ADE20K(), dir, dir)
	if r.MIoU != 0.1 || r.PixelAccuracy != 1 || r.MIoUPresent != 1 {
		t.Errorf("mIoU %v, of present classes %v, pixel accuracy %v, want 0.1, 1, 1", r.MIoU, r.MIoUPresent, r.PixelAccuracy)
	}
}

// write stores a label map of one row.
func write(t *testing.T, path string, labels ...uint16) {
	t.Helper()
	raw, err := decode.EncodeLabels(labels, len(labels), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOwnClasses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "classes.yaml")
	text := "void: [255]\nclasses:\n  - {id: 3, name: road}\n  - {id: 300, name: car}\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Own(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "gt", "sub", "a.png"), 3, 3, 300, 255)
	write(t, filepath.Join(dir, "pred", "sub", "a.png"), 3, 255, 300, 3)
	r := score(t, f, filepath.Join(dir, "gt"), filepath.Join(dir, "pred"))
	if r.PerClass[0].IoU != 0.5 || r.PerClass[1].IoU != 1 || r.MIoU != 0.75 {
		t.Errorf("%+v", r)
	}
	for name, want := range map[string]string{filepath.Join(dir, "none.yaml"): "read classes: ", filepath.Join(dir, "gt", "sub", "a.png"): "not a class file"} {
		if _, err := Own(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestRejected(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string][]uint16
		want  string
	}{
		"missing":   {map[string][]uint16{"gt/u/a_0_1_gtFine_labelIds.png": {7}}, "image a_0_1: missing prediction: the ground truth is "},
		"extra":     {map[string][]uint16{"gt/a_0_1_gtFine_labelIds.png": {7}, "pred/a_0_1.png": {7}, "pred/a_0_2.png": {7}}, "image a_0_2: extra prediction"},
		"duplicate": {map[string][]uint16{"gt/a_0_1_gtFine_labelIds.png": {7}, "pred/a_0_1.png": {7}, "pred/a_0_1_x.png": {7}}, "image a_0_1: duplicate: "},
		"none":      {map[string][]uint16{"gt/a.png": {7}}, "gt: no ground truth: want files *_gtFine_labelIds.png"},
	} {
		dir := t.TempDir()
		os.Mkdir(filepath.Join(dir, "pred"), 0o755)
		for file, labels := range c.files {
			write(t, filepath.Join(dir, file), labels...)
		}
		if _, err := Open(Cityscapes(), filepath.Join(dir, "gt"), filepath.Join(dir, "pred")); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := Open(ADE20K(), "none", "none"); err == nil || !strings.Contains(err.Error(), "look up label maps: stat none: no such file or directory") {
		t.Errorf("missing folder: %v", err)
	}
}

func TestBrokenMap(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "gt", "a.png"), 1)
	write(t, filepath.Join(dir, "pred", "a.png"), 1)
	if err := os.WriteFile(filepath.Join(dir, "pred", "a.png"), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	pairs, err := Open(ADE20K(), filepath.Join(dir, "gt"), filepath.Join(dir, "pred"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pairs.Image(0); err == nil || !strings.Contains(err.Error(), "a.png: not a PNG") {
		t.Errorf("%v", err)
	}
}
