package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"eomt/arch"
	"eomt/checkpoints/weights"
)

const initConfig = `name: tiny
task: TASK
seed: 9
model: {size: custom, image: [64, 64], queries: 6, width: 16, blocks: 2, heads: 2, mlp_hidden: 32, query_blocks: 1, patch: 8, registers: 0}
data: {format: shapes, root: nowhere, batch: 2, shapes: {train: 4, val: 2, size: 64, seed: 3}}
train: {total_steps: 4}
eval: {score_threshold: 0.6}
`

func writeConfig(t *testing.T, task string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.yaml")
	if err := os.WriteFile(path, []byte(strings.Replace(initConfig, "TASK", task, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// The same seed gives the same weights in every format, with the data set's
// classes where the format has a place for them; another seed gives others.
func TestInit(t *testing.T) {
	config, dir := writeConfig(t, "panoptic"), t.TempDir()
	for _, format := range []string{"native", "hf", "official"} {
		text, err := command(t, "init", "-config", config, "-seed", "4", "-out", filepath.Join(dir, format), "-format", format)
		if err != nil || !strings.Contains(text, format) {
			t.Fatalf("%s: %q, %v", format, text, err)
		}
		m, err := weights.Open(filepath.Join(dir, format))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if m.Architecture.Classes != 8 || m.Architecture.Width != 16 {
			t.Errorf("%s: %d classes, width %d", format, m.Architecture.Classes, m.Architecture.Width)
		}
		if format != "official" && (m.Task != "panoptic" || len(m.Classes) != 8 || m.Labels[0] != "circle" || m.Thresholds.Score != 0.6) {
			t.Errorf("%s: task %q, classes %v, thresholds %v", format, m.Task, m.Classes, m.Thresholds)
		}
		i := slices.IndexFunc(m.Architecture.Parameters(), func(p arch.Parameter) bool { return p.Name == "q.weight" })
		want := m.Architecture.Parameters()[i].Initialize(4)
		if got, err := m.Tensors[i].Float32s(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: queries are not those of seed 4: %v", format, err)
		}
	}
	for _, other := range []string{"hf", "official"} {
		text, err := command(t, "compare", filepath.Join(dir, "native"), filepath.Join(dir, other))
		if err != nil || !strings.Contains(text, " equal, 0 different, 0 only in A, 0 only in B") {
			t.Errorf("native and %s: %v\n%s", other, err, text)
		}
	}
	if _, err := command(t, "init", "-config", config, "-seed", "5", "-out", filepath.Join(dir, "five")); err != nil {
		t.Fatal(err)
	}
	if _, err := command(t, "compare", filepath.Join(dir, "native"), filepath.Join(dir, "five")); err == nil {
		t.Error("seeds 4 and 5 give the same weights")
	}
}

func TestInitRejects(t *testing.T) {
	config, out := writeConfig(t, "panoptic"), filepath.Join(t.TempDir(), "out")
	if _, err := command(t, "init", "-config", config, "-out", out); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"want -config and -out":                                        {"-config", config},
		`-format "onnx": want native, hf or official`:                  {"-config", config, "-out", out, "-format", "onnx"},
		"no-such.yaml":                                                 {"-config", "no-such.yaml", "-out", out},
		"it already holds a checkpoint":                                {"-config", config, "-out", out},
		"data.classes: the classes of this data set are not published": {"-config", config, "-out", out, "-set", "data.format=folder", "-set", "task=semantic", "-set", "data.shapes="},
	} {
		if _, err := command(t, append([]string{"init"}, args...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
