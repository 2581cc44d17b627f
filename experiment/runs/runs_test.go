package runs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"eomt/configs"
	"eomt/data"
	"eomt/data/coco"
	"eomt/eval"
	"eomt/train"
)

func clock(minute int) time.Time { return time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC) }

func entry(step, minute int, rate float64) train.Entry {
	return train.Entry{Step: step, Time: clock(minute), ImagesPerSec: rate, Memory: int64(step) << 30}
}

// A run that stood still between two starts did not train meanwhile.
func TestTrainingTime(t *testing.T) {
	entries := []train.Entry{entry(10, 3, 1), entry(20, 5, 8), entry(30, 104, 9), entry(40, 106, 10)}
	for want, p := range map[time.Duration]*train.Provenance{
		103 * time.Minute: nil,
		106 * time.Minute: {Start: train.Start{Started: clock(0)}},
		11 * time.Minute:  {Start: train.Start{Started: clock(0)}, Resumes: []train.Start{{Step: 20, Started: clock(100)}}},
		7 * time.Minute:   {Start: train.Start{Started: clock(0)}, Resumes: []train.Start{{Step: 20}}}, // an earlier version's
	} {
		r := &Run{Entries: entries, Provenance: p}
		if got := r.trainingTime(); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	costs := fmt.Sprint((&Run{Entries: entries}).costs())
	if !strings.Contains(costs, "{training time 1 h 43 min} {images per second 9}") || !strings.Contains(costs, "{peak memory 40.0 GiB}") {
		t.Error(costs)
	}
}

func TestCheckouts(t *testing.T) {
	list := checkouts([]train.Start{{Commit: "a"}, {Step: 5, Commit: "a"}, {Step: 7, Commit: train.UnknownCommit}, {Step: 9, Commit: "b", Dirty: true}})
	want := "[{Go back to its code git checkout a} {The code that it was resumed with after step 9, which had changes that are not committed git checkout b}]"
	if got := fmt.Sprint(list); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// After -set on resume the resolved configuration, not the first command, says what
// the run did.
func TestRepeatsTheResolvedConfiguration(t *testing.T) {
	r := &Run{Path: "runs/my run", Config: &configs.Resolved{}, Provenance: &train.Provenance{Start: train.Start{Command: []string{"train", "-config", "x.yaml"}}}}
	want := "[{Train from its resolved configuration go run ./cmd/train -config 'runs/my run/config.yaml' -out 'runs/my run-repeated'}]"
	if got := fmt.Sprint(r.commands()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Published figures are of the data set's own validation images and classes.
func TestBenchmark(t *testing.T) {
	_, classes, _ := coco.Format.Published(data.OpenOptions{Task: "panoptic", Split: "val"})
	c := configs.Default()
	c.Task, c.Data.Format = "panoptic", "coco"
	for _, test := range []struct {
		want   string
		images int
		change func(*Run)
	}{
		{"coco", 5000, func(*Run) {}},
		{"", 100, func(*Run) {}},
		{"", 5000, func(r *Run) { r.Config.Data.Format = "shapes" }},
		{"", 5000, func(r *Run) { r.Config.Data.Format = "unheard of" }},
		{"", 5000, func(r *Run) { r.Evaluation.Classes = r.Evaluation.Classes[:3] }},
		{"", 5000, func(r *Run) { r.Config = nil }},
	} {
		r := &Run{Config: &configs.Resolved{Config: c}, Evaluation: &eval.Stored{Classes: classes, Records: make([]eval.Record, test.images)}}
		test.change(r)
		if got := r.benchmark(); got != test.want {
			t.Errorf("%d images: %q, want %q", test.images, got, test.want)
		}
	}
}

func TestValidations(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"step-00000020.json": `{"exact":{"AP":0.5,"AP50":0.7,"AP75":-1},"upstream":{"AP":0.6}}`,
		"step-00000010.json": `{"AP":0.25,"AP50":0.5,"AP75":0.1,"images":3}`,
		"other.json":         `{`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readValidations(dir)
	if want := "[{10 [{AP 0.25} {AP50 0.5} {AP75 0.1}]} {20 [{AP 0.5} {AP50 0.7}]}]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v, want %s", got, err, want)
	}
	for text, want := range map[string]string{
		`{"All":{"pq":0.5,"n":2},"Things":{"pq":0.4,"n":1},"Stuff":{"pq":0,"n":0}}`: "[{PQ 0.5} {PQ things 0.4}]",
		`{"mIoU":0.5,"mIoU_present":0.6}`:                                           "[{mIoU 0.5} {mIoU present 0.6}]",
		`{"images":3}`:                                                              "[]",
	} {
		if got, err := parseFigures([]byte(text)); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v, want %s", text, got, err, want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "step-00000030.json"), []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := readValidations(dir); err == nil || !strings.Contains(err.Error(), "step-00000030.json: unexpected end") {
		t.Errorf("%v", err)
	}
}

func TestDevices(t *testing.T) {
	for want, names := range map[string][]string{"": nil, "2 × TFRT_CPU": {"TFRT_CPU_0 [processId=0]", "TFRT_CPU_1 [processId=0]"},
		"2 × NVIDIA H100 80GB HBM3": {"NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3"}, "A, B": {"B", "A"}} {
		if got := devices(names); got != want {
			t.Errorf("%q: %s, want %s", names, got, want)
		}
	}
}
