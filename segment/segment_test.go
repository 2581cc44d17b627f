package segment_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"eomt/checkpoints"
	"eomt/checkpoints/weights"
	"eomt/data"
	"eomt/eval/postprocess"
	"eomt/segment"
)

// run writes a run folder with a state and, where text is not empty, a configuration.
func run(t *testing.T, state checkpoints.State, text string) string {
	t.Helper()
	dir := t.TempDir()
	err := save(dir, state)
	if err == nil && text != "" {
		err = os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(text), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t *testing.T, path string, o segment.Options) *segment.Segmenter {
	t.Helper()
	o.Backend = "go"
	s, err := segment.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// shaded is an image whose pixels depend on n.
func shaded(n int) data.RGB {
	img := data.NewRGB(50+n, 40)
	for i := range img.Pix {
		img.Pix[i] = uint8(i * (n + 3))
	}
	return img
}

// Callers at the same time get what each gets alone, whatever the task.
func TestConcurrentCallers(t *testing.T) {
	for _, task := range []postprocess.Task{postprocess.TaskPanoptic, postprocess.TaskInstance, postprocess.TaskSemantic} {
		s := open(t, run(t, checkpoints.State{Task: string(task), Classes: table}, ""), segment.Options{})
		describe := func(n int) string {
			found, err := s.Segment(t.Context(), shaded(n))
			if err != nil {
				return err.Error()
			}
			text := fmt.Sprint(found.W, found.H)
			for _, part := range found.Segments {
				if part.Mask.W != found.W || part.Mask.H != found.H || part.Mask.Area() == 0 || part.Class != s.Classes[part.Index] {
					t.Errorf("%s: %+v", task, part)
				}
				text += fmt.Sprint(part.Class.ID, part.Score, part.Mask.Counts)
			}
			return text
		}
		var want [4]string
		for n := range want {
			want[n] = describe(n)
		}
		if !strings.Contains(want[1], "51 40") || strings.Count(want[1], "23") == 0 {
			t.Errorf("%s: %.80s", task, want[1])
		}
		var callers sync.WaitGroup
		for i := range 12 {
			callers.Go(func() {
				if got := describe(i % 4); got != want[i%4] {
					t.Errorf("%s: caller %d got %.80s, want %.80s", task, i, got, want[i%4])
				}
			})
		}
		callers.Wait()
	}
}

const config = `
name: tiny
task: TASK
model: {size: custom, image: [64, 64], queries: 6, width: 32, blocks: 2, heads: 2, mlp_hidden: 64, query_blocks: 1, patch: 8, registers: 1}
data: {format: FORMAT, root: ROOT}
train: {total_steps: 1}
eval: {score_threshold: 0.3, overlap_threshold: 0.4, top_k: 7}
`

func configFor(task, format, root string) string {
	return strings.NewReplacer("TASK", task, "FORMAT", format, "ROOT", root).Replace(config)
}

// Who states task, classes and thresholds, and what is said where nobody does.
func TestDescription(t *testing.T) {
	own := t.TempDir() // a data set of label maps with three classes
	for name, text := range map[string]string{"classes.yaml": "classes:\n  - {id: 0, name: road}\n  - {id: 5, name: car}\n  - {id: 9, name: sky}\n"} {
		if err := os.WriteFile(filepath.Join(own, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	all := checkpoints.State{Task: "instance", Classes: table, Thresholds: &checkpoints.Thresholds{Score: 0.6, Overlap: 0.5, TopK: 9}}
	for _, test := range []struct {
		name    string
		weights string
		o       segment.Options
		task    string
		ids     []int
		names   string // of class 1
		topK    int
		assumed string // of what; empty: nothing
	}{
		{"state", run(t, all, configFor("semantic", "folder", own)), segment.Options{}, "instance", []int{7, 23, 901}, "sky", 9, ""},
		{"another task", run(t, all, ""), segment.Options{Task: "semantic"}, "semantic", []int{7, 23, 901}, "sky", 9, ""},
		{"labels", run(t, checkpoints.State{Labels: []string{"a", "b", "c"}}, ""), segment.Options{}, "panoptic", []int{0, 1, 2}, "b", 100, "task: ids of the classes"},
		{"nothing", run(t, checkpoints.State{}, ""), segment.Options{}, "panoptic", []int{0, 1, 2}, "class 1", 100, "task: names and ids of the classes"},
		{"older run, data gone", run(t, checkpoints.State{}, configFor("panoptic", "coco", "gone")), segment.Options{}, "panoptic", []int{0, 1, 2}, "class 1", 7, "data set cannot tell them: names and ids"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t, test.weights, test.o)
			var ids []int
			for _, c := range s.Classes {
				ids = append(ids, c.ID)
			}
			if string(s.Task) != test.task || !slices.Equal(ids, test.ids) || s.Classes[1].Name != test.names || s.TopK != test.topK {
				t.Errorf("%+v", s.Description)
			}
			text := strings.Join(s.Assumed, "\n")
			for _, part := range strings.Split(test.assumed, ": ") {
				if !strings.Contains(text, part) || test.assumed == "" && text != "" {
					t.Errorf("assumed %q, want %q", text, test.assumed)
				}
			}
		})
	}
}

// Journals of evaluations know weights by their values, as they lie in memory.
func TestChecksum(t *testing.T) {
	sum := sha256.New()
	for _, p := range tensorsOf(tiny()) {
		values, err := p.Float32s()
		if err == nil {
			err = binary.Write(sum, binary.LittleEndian, values)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprint(sum, []float64{0.5})
	path := run(t, checkpoints.State{MaskProbs: []float32{0.5}}, "")
	if s := open(t, path, segment.Options{Checksum: true}); s.Checksum != fmt.Sprintf("%x", sum.Sum(nil)) {
		t.Errorf("checksum %s", s.Checksum)
	}
	if s := open(t, path, segment.Options{}); s.Checksum != "" {
		t.Errorf("checksum %s unasked", s.Checksum)
	}
}

// What the caller wants is not looked up; what the weights state can be compared.
func TestWantedClasses(t *testing.T) {
	a := tiny()
	want := []data.Class{{ID: 1}, {ID: 2}, {ID: 3}}
	s := open(t, run(t, checkpoints.State{Classes: table}, "no configuration"), segment.Options{Architecture: &a, Task: "panoptic", Classes: want})
	if s.Classes[2].ID != 3 || s.Stated[2].ID != 901 || len(s.Assumed) > 0 {
		t.Errorf("%+v", s.Description)
	}
}

// A single file of weights is no run folder; what it leaves open is said by the
// configuration that is named, whose network it must fit.
func TestOfficialFile(t *testing.T) {
	stored, err := weights.Open(run(t, checkpoints.State{Task: "panoptic", Classes: table}, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "pytorch_model.bin")
	if err := stored.WriteOfficial(file); err != nil {
		t.Fatal(err)
	}
	const network = `task: semantic
model: {size: custom, image: [64, 64], queries: 6, width: 32, blocks: 2, heads: 2, mlp_hidden: 64, query_blocks: 1, patch: 8, registers: 1}
data: {format: folder, root: gone}
train: {total_steps: 1}
`
	named, other := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "other.yaml")
	for path, text := range map[string]string{named: network, other: strings.Replace(network, "registers: 1", "registers: 1, norm_eps: 1.0e-3", 1)} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if s := open(t, file, segment.Options{Config: named, Classes: table}); s.Architecture.Heads != 2 || s.Task != "semantic" {
		t.Errorf("%+v", s.Description)
	}
	for config, want := range map[string]string{
		"":    "the weights do not state their number of attention heads: name a configuration (-config)",
		other: "norm_eps is 1e-06 in the weights and 0.001 in the network",
	} {
		if _, err := segment.Open(file, segment.Options{Backend: "go", Config: config, Classes: table}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("configuration %q: got %v, want %q in it", config, err, want)
		}
	}
}

func TestRefuses(t *testing.T) {
	wide := tiny()
	wide.Width, wide.Heads = 64, 2
	heads := tiny()
	heads.Heads = 4
	official := filepath.Join(t.TempDir(), "coco.yaml")
	if err := os.WriteFile(official, []byte(configFor("panoptic", "coco", "gone")), 0o666); err != nil {
		t.Fatal(err)
	}
	two := run(t, checkpoints.State{Classes: table[:2]}, "")
	good := run(t, checkpoints.State{Task: "panoptic", Classes: table}, "")
	for name, test := range map[string]struct {
		path string
		o    segment.Options
		want string
	}{
		"absent":         {"no-such-weights", segment.Options{}, "no-such-weights"},
		"another width":  {good, segment.Options{Architecture: &wide}, "width is 32 in the weights and 64 in the network"},
		"other heads":    {good, segment.Options{Architecture: &heads}, "heads is 2 in the weights and 4 in the network"},
		"official table": {run(t, checkpoints.State{}, ""), segment.Options{Config: official}, "the weights predict 3 classes, the class table of data set gone has 133; take weights that"},
		"short table":    {two, segment.Options{}, "lists 2 classes, its tensors have 3"},
		"no config":      {good, segment.Options{Config: "no-such.yaml"}, "no-such.yaml"},
		"backend":        {good, segment.Options{Backend: "abacus"}, "abacus"},
	} {
		if test.o.Backend == "" {
			test.o.Backend = "go"
		}
		if _, err := segment.Open(test.path, test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, test.want)
		}
	}
	s := open(t, good, segment.Options{})
	if _, err := s.Segment(t.Context(), data.RGB{W: 3, H: 2}); err == nil || !strings.Contains(err.Error(), "3 x 2 pixels with 0 bytes") {
		t.Errorf("an image without pixels: %v", err)
	}
	gone := errors.New("the client has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err := s.Segment(ctx, shaded(0)); !errors.Is(err, gone) {
		t.Errorf("interrupted: %v", err)
	}
	s.Close()
	if _, err := s.Segment(t.Context(), shaded(0)); !errors.Is(err, segment.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, err := segment.ReadImage("no-such.jpg"); err == nil || !strings.Contains(err.Error(), "segment: read image: ") {
		t.Errorf("no image: %v", err)
	}
}
