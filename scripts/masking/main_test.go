package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"eomt/checkpoints"
	"eomt/configs"
	"eomt/train"
)

// Every variant is a configuration that can be run.
func TestVariants(t *testing.T) {
	s := study{steps: 500}
	for _, v := range append(s.maskings(), widths()...) {
		c, err := configs.Read(filepath.Join("..", "..", config), v.set...)
		if err != nil {
			t.Fatal(err)
		}
		a, err := c.Model.Architecture(8)
		if err != nil || a.MaskBlocks != queryBlocks {
			t.Fatalf("%s: %d query blocks, %v", v.name, a.MaskBlocks, err)
		}
		spans, err := c.Train.Schedule.Annealing.Derive(s.steps, queryBlocks)
		if err != nil {
			t.Fatal(err)
		}
		schedule := c.Train.Schedule.Schedule(s.steps, spans)
		training, evaluation := fmt.Sprint(schedule.MaskProbs(s.steps-1)), fmt.Sprint(schedule.MaskProbs(s.steps))
		want := map[string][2]string{"mask": {"[1 1 1]", "[1 1 1]"}, "mask-none": {"[1 1 1]", "[0 0 0]"}, "none": {"[]", "[]"}}
		if w, ok := want[v.name]; ok && (training != w[0] || evaluation != w[1]) {
			t.Errorf("%s: masks with %s in the last step, %s at evaluation, want %v", v.name, training, evaluation, w)
		}
	}
}

// finished writes what the tables read of a run.
func finished(t *testing.T, dir string, pq float64, stepTime time.Duration) {
	t.Helper()
	step := filepath.Join(dir, "checkpoints", "step-00000040")
	if err := os.MkdirAll(step, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("step-00000040", filepath.Join(dir, "checkpoints", "latest")); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	for step := 10; step <= 40; step += 10 {
		line, err := json.Marshal(train.Entry{Step: step, Time: time.Unix(1000, 0).Add(time.Duration(step) * stepTime)})
		if err != nil {
			t.Fatal(err)
		}
		log.Write(append(line, '\n'))
	}
	validations, err := json.Marshal([]checkpoints.Metric{{Name: "PQ", Value: pq, Step: 40}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"metrics.jsonl": log.String(), "validations.json": string(validations), "provenance.json": `{"parameters": 1234}`, "checkpoints/step-00000040/state.json": "{}",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTables(t *testing.T) {
	s := study{dir: t.TempDir(), seeds: 2, steps: 40}
	for i, v := range append(s.maskings(), widths()[0], widths()[2]) {
		for seed := 1; seed <= 2; seed++ {
			finished(t, s.folder(v.name, seed), .5+.01*float64(i+seed), 2*time.Second)
		}
	}
	if err := s.tables(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"masking.md": "| always masked | not masked | 52.5 (52.0 to 53.0) | 27.4 |",
		"widths.md":  "| 64 | 1234 | 54.5 (54.0 to 55.0) | 80 (80 to 80) |",
	} {
		if raw, err := os.ReadFile(filepath.Join(s.dir, name)); err != nil || !strings.Contains(string(raw), want) {
			t.Errorf("%s: %v\n%s\nlacks %s", name, err, raw, want)
		}
	}
	if err := os.Remove(filepath.Join(s.folder("none", 2), "validations.json")); err != nil {
		t.Fatal(err)
	}
	if err := s.tables(); err == nil || !strings.Contains(err.Error(), "none-2 has no validation") {
		t.Errorf("%v", err)
	}
}

// A copied run has checkpoint and log, and not the result.
func TestCopyRun(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	finished(t, from, .5, time.Second)
	for range 2 { // the second finds it done
		if err := copyRun(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(to, "validations.json")); !os.IsNotExist(err) {
		t.Error(err)
	}
	if entries, err := train.ReadEntries(to); err != nil || len(entries) != 4 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	if steps, err := checkpoints.Steps(filepath.Join(to, "checkpoints")); err != nil || len(steps) != 1 {
		t.Errorf("%v, %v", steps, err)
	}
}
