package segment_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"eomt/checkpoints"
	"eomt/checkpoints/weights"
	"eomt/data"
	"eomt/eval/postprocess"
	"eomt/export/onnx"
	"eomt/internal/ort"
	"eomt/segment"
)

// needORT skips a test where ONNX Runtime is not installed.
func needORT(t *testing.T) {
	t.Helper()
	if _, err := ort.Library(ort.CPU); err != nil {
		t.Skip(err)
	}
}

// export writes weights at path as an ONNX file.
func export(t *testing.T, path string, o onnx.Options) string {
	t.Helper()
	stored, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	d, err := segment.Describe(stored, segment.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "model.onnx")
	if err := segment.Export(stored, d, out, "abc", o); err != nil {
		t.Fatal(err)
	}
	return out
}

// Weights through the engine ort, and files of either input, give the graph's logits
// and say the same of themselves.
func TestEngineORT(t *testing.T) {
	needORT(t)
	path := run(t, checkpoints.State{Task: "instance", Classes: table, Thresholds: &checkpoints.Thresholds{Score: 0.6, Overlap: 0.5, TopK: 9}}, "")
	graph := open(t, path, segment.Options{Checksum: true})
	var images []uint8
	for n := range 2 {
		img := data.NewRGB(64, 64)
		for i := range img.Pix {
			img.Pix[i] = uint8(i * (n + 3) % 251)
		}
		images = append(images, img.Pix...)
	}
	want, err := graph.Predict(images, 2)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := filepath.Glob(filepath.Join(os.TempDir(), "eomt-onnx-*"))
	for name, test := range map[string]struct{ path, checksum string }{
		"weights": {path, graph.Checksum + " ort"},
		"float":   {export(t, path, onnx.Options{}), ""},
		"uint8":   {export(t, path, onnx.Options{Input: onnx.Uint8, Opset: 17}), ""},
	} {
		s := open(t, test.path, segment.Options{Engine: "ort", Checksum: true})
		got, err := s.Predict(images, 2)
		if err != nil {
			t.Fatal(err)
		}
		if got.B != 2 || got.MaskH != want.MaskH || !near(got.Class, want.Class) || !near(got.Masks, want.Masks) {
			t.Errorf("%s: the logits are not the graph's", name)
		}
		if s.Task != graph.Task || !slices.Equal(s.Classes, table) || s.Score != 0.6 || s.TopK != 9 || s.Architecture != graph.Architecture ||
			!strings.HasPrefix(s.Backend, "ONNX Runtime ") || s.Precision != "f32" || len(s.Assumed) > 0 {
			t.Errorf("%s: %+v, %s", name, s.Description, s.Backend)
		}
		if s.Checksum == "" || test.checksum != "" && s.Checksum != test.checksum {
			t.Errorf("%s: checksum %q", name, s.Checksum)
		}
		if _, err := s.Predict(images[1:], 2); err == nil || !strings.Contains(err.Error(), "bytes for 2 images of 64 x 64") {
			t.Errorf("%s: a byte too few: %v", name, err)
		}
		if found, err := s.Segment(t.Context(), shaded(1)); err != nil || found.W != 51 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after, _ := filepath.Glob(filepath.Join(os.TempDir(), "eomt-onnx-*")); len(after) > len(before) {
		t.Errorf("left behind: %v", after)
	}
}

// near reports whether values differ by sums in another order only.
func near(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) <= 1e-4*(1+math.Abs(float64(y))) })
}

func TestEngineRefuses(t *testing.T) {
	path := run(t, checkpoints.State{Task: "panoptic", Classes: table}, "")
	file := export(t, path, onnx.Options{})
	wide := tiny()
	wide.Grid = [2]int{4, 8}
	other := tiny()
	other.Queries = 7
	annealing := run(t, checkpoints.State{Task: "panoptic", Classes: table, MaskProbs: []float32{0.5}}, "")
	for name, test := range map[string]struct {
		path string
		o    segment.Options
		want string
		ort  bool // needs ONNX Runtime
	}{
		"unknown":         {path, segment.Options{Engine: "abacus"}, "segment: engine abacus: want graph, ort or ort:PROVIDER", false},
		"provider":        {path, segment.Options{Engine: "ort:rocm"}, `provider "rocm": want cpu, cuda`, false},
		"graph":           {file, segment.Options{}, "model.onnx: an ONNX file needs the engine ort (-engine ort)", false},
		"absent":          {"none.onnx", segment.Options{Engine: "ort"}, "none.onnx: ", false},
		"another size":    {file, segment.Options{Engine: "ort", Architecture: &wide}, "the file is for images of 64 x 64 pixels, wanted are 64 x 32: export", true},
		"another network": {file, segment.Options{Engine: "ort", Architecture: &other}, "queries is 6 in the weights and 7 in the network", true},
		"annealing":       {annealing, segment.Options{Engine: "ort"}, "others run with -engine graph", true},
	} {
		t.Run(name, func(t *testing.T) {
			if test.ort {
				needORT(t)
			}
			if _, err := segment.Open(test.path, test.o); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
	t.Run("no library", func(t *testing.T) {
		t.Setenv("EOMT_CACHE", t.TempDir())
		t.Setenv(ort.LibraryEnv, "")
		for _, weights := range []string{path, file} {
			if _, err := segment.Open(weights, segment.Options{Engine: "ort"}); err == nil || !strings.Contains(err.Error(), "`make setup ORT=cpu` fetches it") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v", weights, err)
			}
		}
	})
}

// A file of another program says nothing of a network.
func TestForeignFile(t *testing.T) {
	needORT(t)
	a := tiny()
	file := filepath.Join(t.TempDir(), "model.onnx")
	if err := onnx.Write(file, onnx.Network{Architecture: a, Tensors: tensorsOf(a)}, onnx.Options{}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	raw = []byte(strings.Replace(string(raw), "architecture", "architectura", 1))
	if err := os.WriteFile(file, raw, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := segment.Open(file, segment.Options{Engine: "ort", Task: postprocess.TaskPanoptic}); err == nil || !strings.Contains(err.Error(), "was not written by `weights export`") {
		t.Error(err)
	}
}
