package configs

import (
	"eomt/train"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A run's config.yaml of the time when derived values stood among the written ones
// (testdata/inline, written by that program) reads as the configuration that the
// run was started with, and derives the same values.
func TestRunFoldersWithInlineDerivedValues(t *testing.T) {
	for name, test := range map[string]struct {
		original string
		blocks   int
	}{
		"quickstart":        {"quickstart.yaml", 3},
		"eomt-l-640":        {"coco/panoptic/eomt-l-640.yaml", 4},
		"eomt-dinov3-l-640": {"coco/panoptic/eomt-dinov3-l-640.yaml", 4},
		"overfit-real":      {"coco/instance/overfit-real.yaml", 1},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "inline", name+".yaml")
			run, err := ReadResolved(path)
			if err != nil {
				t.Fatal(err)
			}
			want, err := Read(test.original)
			if err != nil {
				t.Fatal(err)
			}
			want.Data.Images, want.Data.Classes = run.Data.Images, run.Data.Classes
			if diff := cmp.Diff(want, run.Config, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			derived, err := run.Resolve(run.Data.Images, run.Data.Classes, test.blocks)
			if err != nil {
				t.Fatal(err)
			}
			recorded := run.Derived
			recorded.Annealing.First = nil
			if diff := cmp.Diff(recorded, derived.Derived, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("recorded and derived: %s", diff)
			}
		})
	}
}

// Overrides act on a resolved configuration as on the original.
func TestOverridesOnAResolvedConfiguration(t *testing.T) {
	inline := filepath.Join("testdata", "inline", "eomt-dinov3-l-640.yaml")
	for override, want := range map[string]Derived{
		"train.epochs=6": {StepsPerEpoch: 7392, Steps: 44352,
			Annealing: train.Spans{Start: []int{0, 14784, 22176, 29568}, End: []int{3000, 22176, 29568, 36960}}},
		"train.total_steps=600": {StepsPerEpoch: 7392, Steps: 600,
			Annealing: train.Spans{Start: []int{0, 200, 300, 400}, End: []int{3000, 300, 400, 500}}},
		"data.batch=32": {StepsPerEpoch: 3696, Steps: 44352,
			Annealing: train.Spans{Start: []int{0, 14784, 22176, 29568}, End: []int{3000, 22176, 29568, 36960}}},
	} {
		want.Images, want.Classes = 118287, 133
		original, err := Read("coco/panoptic/eomt-dinov3-l-640.yaml")
		if err != nil {
			t.Fatal(err)
		}
		resolved, err := original.Resolve(118287, 133, 4)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "config.yaml")
		out, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		if err := resolved.Write(out); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{path, inline, "coco/panoptic/eomt-dinov3-l-640.yaml"} {
			c, err := Read(file, override)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Resolve(118287, 133, 4)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.Derived, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s, -set %s: %s", file, override, diff)
			}
		}
	}
}

// Values of such a file that are not what would be derived had been stated, and stay.
func TestStatedValuesStayInline(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want train.ScheduleConfig
	}{
		"steps and spans of your own": {"epochs: 1, total_steps: 30, annealing: {first: [0, 2], start: [5], end: [9]}",
			train.ScheduleConfig{TotalSteps: 30, Annealing: train.Spans{Start: []int{5}, End: []int{9}}}},
		"epochs": {"epochs: 2, total_steps: 12, annealing: {start: [2], end: [4]}", train.ScheduleConfig{Epochs: 2}},
		"off":    {"total_steps: 30, annealing: {off: true}", train.ScheduleConfig{TotalSteps: 30, Annealing: train.Spans{Off: true}}},
	} {
		const marks = "name: old\nseed: 0\nweights: \"\"\neval: {top_k: 100}\nmodel: {width: 5, registers: 2}\n" +
			"data: {root: x, images: 100, classes: 3, batch: 16, workers: 0, color_jitter: false, shapes: {train: 1}}\n"
		c, err := Read(file(t, marks+"train: {log_every: 50, keep: 2, "+test.text+"}\n"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := train.ScheduleConfig{Epochs: c.Train.Schedule.Epochs, TotalSteps: c.Train.Schedule.TotalSteps, Annealing: c.Train.Schedule.Annealing}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		// Keys that had no effect have none now: the file still loads.
		if c.Data.Shapes != nil || c.Model.Width != 0 || c.Model.Registers != nil {
			t.Errorf("%s: keys without effect are left: %+v", name, c.Model)
		}
	}
}
