package cocofiles

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/eval/ap"
	"eomt/eval/pq"
)

// unpack extracts a data set of testdata, made by scripts/goldens/metrics.py,
// and returns its folder and the reference's results by protocol.
func unpack(t testing.TB, name string) (folder string, expected map[string]any) {
	t.Helper()
	r, err := zip.OpenReader(filepath.Join("testdata", name+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	folder = t.TempDir()
	if err := os.CopyFS(folder, r); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &expected); err != nil {
		t.Fatal(err)
	}
	return folder, expected
}

// compareAll compares every number of want with got's of the same path; list
// elements are found by their "id".
func compareAll(t *testing.T, at string, want, got any, tolerance float64) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		for key, value := range want {
			compareAll(t, at+"."+key, value, got.(map[string]any)[key], tolerance)
		}
	case []any:
		byID := map[any]any{}
		for _, g := range got.([]any) {
			byID[g.(map[string]any)["id"]] = g
		}
		for _, w := range want {
			id := w.(map[string]any)["id"]
			compareAll(t, fmt.Sprintf("%s[%v]", at, id), w, byID[id], tolerance)
		}
	case float64:
		if g, ok := got.(float64); !ok || !(math.Abs(g-want) <= tolerance) {
			t.Errorf("%s = %v, want %v", at, got, want)
		}
	}
}

func TestRandomPanopticEqualsReferences(t *testing.T) {
	for _, name := range []string{"panoptic-crowds", "panoptic-many-crowds", "panoptic-thousands"} {
		folder, expected := unpack(t, name)
		files, err := OpenPanoptic(filepath.Join(folder, "gt.json"), "", filepath.Join(folder, "pred.json"), "")
		if err != nil {
			t.Fatal(err)
		}
		for protocol, rule := range map[string]pq.Rule{"exact": pq.Exact, "upstream": pq.Upstream} {
			if want, has := expected[protocol]; has {
				// The order of sums over images differs.
				compareAll(t, name+" "+protocol, want, figures(t, scorePanoptic(t, rule, files)), 1e-12)
			}
		}
	}
}

func TestRandomInstancesEqualReferences(t *testing.T) {
	for _, name := range []string{"instance-id-zero", "instance-boxes", "instance-thousands"} {
		folder, expected := unpack(t, name)
		files, err := OpenInstances(filepath.Join(folder, "gt.json"), filepath.Join(folder, "pred.json"))
		if err != nil {
			t.Fatal(err)
		}
		compareAll(t, name+" exact", expected["exact"], figures(t, scoreInstances(t, ap.Exact, files)), 1e-12)
		if want, has := expected["boundary"]; has {
			compareAll(t, name+" boundary", want, figures(t, scoreInstances(t, ap.Boundary, files)), 1e-12)
		}
		// torchmetrics gives single precision.
		compareAll(t, name+" upstream", expected["upstream"], figures(t, scoreInstances(t, ap.Upstream, files)), 1e-7)
	}
}

// edit replaces text in a file of folder.
func edit(t *testing.T, folder, file, old, new string) {
	t.Helper()
	path := filepath.Join(folder, file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s does not contain %s", file, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}
