package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/arch"
	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
	"eomt/configs"
	"eomt/data/shapes"
	"eomt/internal/cli"
	"eomt/internal/cli/clitest"
	"eomt/internal/ort"
)

// tiny is a model small enough to be evaluated in moments, on generated shapes.
const tiny = `
name: tiny
task: panoptic
model: {size: custom, image: [64, 64], queries: 6, width: 32, blocks: 2, heads: 2, mlp_hidden: 64, query_blocks: 1, patch: 8, registers: 1}
data: {format: shapes, root: ROOT, batch: 2, shapes: {train: 1, val: 5, size: 64, seed: 3}}
train: {total_steps: 1}
eval: {batch: 2, score_threshold: 0}
`

// tinyRun writes the configuration and a checkpoint of random weights.
func tinyRun(t *testing.T, task string) (config, weights string) {
	t.Helper()
	dir := t.TempDir()
	config, weights = filepath.Join(dir, "tiny.yaml"), filepath.Join(dir, "run")
	text := strings.ReplaceAll(strings.ReplaceAll(tiny, "ROOT", filepath.Join(dir, "shapes")), "task: panoptic", "task: "+task)
	if err := os.WriteFile(config, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := configs.Read(config)
	if err != nil {
		t.Fatal(err)
	}
	c.Data.Classes = len(shapes.Classes())
	if task == "instance" {
		c.Data.Classes = 0
		for _, class := range shapes.Classes() {
			if class.Thing {
				c.Data.Classes++
			}
		}
	}
	a, err := c.Model.Architecture(c.Data.Classes)
	if err != nil {
		t.Fatal(err)
	}
	var params []tensor.Tensor
	for _, p := range a.Parameters() {
		params = append(params, tensor.FromFloat32s(p.Name, p.Shape, p.Initialize(7)))
	}
	store := checkpoints.Store{Dir: filepath.Join(weights, "checkpoints"), Keep: 1}
	if _, err := store.Save(checkpoints.Snapshot{State: checkpoints.State{Step: 1, Architecture: &a}, Params: params}); err != nil {
		t.Fatal(err)
	}
	return config, weights
}

// output runs the command on the go backend and gives its standard output.
func output(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return clitest.Output(t, run, append([]string{"-backend", "go"}, args...)...)
}

func readJSON(t *testing.T, path string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	object := map[string]any{}
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func TestEvaluatesARun(t *testing.T) {
	for task, want := range map[string]struct{ key, table, file string }{
		"panoptic": {"All", "Things", "panoptic.json"},
		"instance": {"AP", "Average Precision", "instances.json"},
		"semantic": {"mIoU", "mIoU", "labels"},
	} {
		t.Run(task, func(t *testing.T) {
			config, weights := tinyRun(t, task)
			dir := t.TempDir()
			result, save := filepath.Join(dir, "result.json"), filepath.Join(dir, "predictions")
			text, err := output(t, "-config", config, "-weights", weights, "-protocol", "both", "-json", result, "-save-predictions", save)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(text, want.table) || !strings.Contains(text, "Protocol upstream:") || !strings.Contains(text, "5 images") {
				t.Errorf("table is\n%s", text)
			}
			object := readJSON(t, result)
			if object["images"] != 5. || object["weights"] != weights || object["config"] != config {
				t.Errorf("result is %v", object)
			}
			for _, p := range []string{"exact", "upstream"} {
				if figures := object[p].(map[string]any); figures[want.key] == nil || figures["protocol"] != p {
					t.Errorf("%s: %v", p, figures)
				}
			}
			if _, err := os.Stat(filepath.Join(save, want.file)); err != nil {
				t.Error(err)
			}
			journal, err := os.ReadFile(filepath.Join(save, "images.jsonl"))
			if err != nil || bytes.Count(journal, []byte("\n")) != 7 { // header, images, end
				t.Errorf("journal: %v\n%s", err, journal)
			}
			if written, err := configs.Read(filepath.Join(save, "config.yaml")); err != nil || written.Task != task {
				t.Errorf("configuration beside the predictions: %v", err)
			}
		})
	}
}

// The exported network in ONNX Runtime gives the graph's figures.
func TestEvaluatesWithORT(t *testing.T) {
	if _, err := ort.Library(ort.CPU); err != nil {
		t.Skip(err)
	}
	config, weights := tinyRun(t, "semantic")
	var values [2]float64
	for i, engine := range []string{"graph", "ort"} {
		result := filepath.Join(t.TempDir(), "result.json")
		if _, err := output(t, "-config", config, "-weights", weights, "-json", result, "-engine", engine); err != nil {
			t.Fatal(err)
		}
		values[i] = readJSON(t, result)["pixel_accuracy"].(float64)
	}
	if values[0] == 0 || math.Abs(values[0]-values[1]) > 1e-3 {
		t.Errorf("pixel accuracy %v", values)
	}
}

func TestLimitAndOneProtocol(t *testing.T) {
	config, weights := tinyRun(t, "panoptic")
	result := filepath.Join(t.TempDir(), "result.json")
	if _, err := output(t, "-config", config, "-weights", weights, "-limit", "2", "-json", result); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(strings.TrimSuffix(result, "json") + "images.jsonl"); err != nil {
		t.Error(err)
	}
	if object := readJSON(t, result); object["images"] != 2. || object["protocol"] != "exact" || object["All"] == nil {
		t.Errorf("result is %v", object)
	}
}

func TestRefuses(t *testing.T) {
	config, weights := tinyRun(t, "panoptic")
	for _, test := range []struct {
		name  string
		usage bool
		want  string
		args  []string
	}{
		{"nothing", true, "-config is missing", nil},
		{"no weights", true, "-weights is missing", []string{"-config", config}},
		{"argument", true, `unexpected argument "x"`, []string{"-config", config, "-weights", weights, "x"}},
		{"flag", true, "flag provided but not defined: -weight", []string{"-weight", "x"}},
		{"protocol", true, "-protocol mine: want exact, upstream or both", []string{"-config", config, "-weights", weights, "-protocol", "mine"}},
		{"limit", true, "-limit -2: want 0 or more images", []string{"-config", config, "-weights", weights, "-limit", "-2"}},
		{"json folder", true, "its folder does not exist", []string{"-config", config, "-weights", weights, "-json", "no/such/folder.json"}},
		{"engine", true, "-engine ort:: want graph, ort or ort:PROVIDER", []string{"-config", config, "-weights", weights, "-engine", "ort:"}},
		{"devices", true, "-devices 0: want all, a number of devices, or a list of device numbers", []string{"-config", config, "-weights", weights, "-devices", "0"}},
		{"devices of ort", false, "devices 2: the engine ort computes on the first alone", []string{"-config", config, "-weights", weights, "-devices", "2", "-engine", "ort"}},
		{"too many devices", false, "devices 2: backend go has 1", []string{"-config", config, "-weights", weights, "-devices", "2"}},
		{"onnx", false, "model.onnx: an ONNX file needs the engine ort", []string{"-config", config, "-weights", "model.onnx"}},
		{"config file", false, "no-such.yaml", []string{"-config", "no-such.yaml", "-weights", weights}},
		{"weights file", false, "no-such-weights", []string{"-config", config, "-weights", "no-such-weights"}},
		{"other model", false, "width is 32 in the weights and 64 in the network", []string{"-config", config, "-weights", weights, "-set", "model.width=64", "-set", "model.heads=2"}},
		{"image size", false, "model: image height 60", []string{"-config", config, "-weights", weights, "-set", "model.image=[60, 64]"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := output(t, test.args...)
			var usage *cli.UsageError
			if err == nil || errors.As(err, &usage) != test.usage || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}

// asTrained is a copy of a run's checkpoint whose state says another architecture.
func asTrained(t *testing.T, run string, change func(*arch.Architecture)) string {
	t.Helper()
	loaded, err := checkpoints.LoadParams(run)
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	change(loaded.State.Architecture)
	dir := t.TempDir()
	if _, err := (&checkpoints.Store{Dir: dir}).Save(loaded.Snapshot); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Weights whose names and shapes fit, but that were trained as another network,
// are not evaluated; the message says how they are.
func TestRefusesWeightsOfAnotherNetwork(t *testing.T) {
	config, weights := tinyRun(t, "panoptic")
	for want, change := range map[string]func(*arch.Architecture){
		"norm_eps is 1e-05 in the weights and 1e-06 in the network (set model.norm_eps=1e-05)": func(a *arch.Architecture) { a.NormEps = 1e-5 },
		"heads is 4 in the weights and 2 in the network (set model.heads=4)":                   func(a *arch.Architecture) { a.Heads = 4 },
		"mask_blocks is 2 in the weights and 1 in the network (set model.query_blocks=2)": func(a *arch.Architecture) {
			a.MaskBlocks = 2
		},
		"head_silu is true in the weights and false in the network": func(a *arch.Architecture) { a.HeadSiLU = true },
	} {
		other := asTrained(t, weights, change)
		if _, err := output(t, "-config", config, "-weights", other); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	other := asTrained(t, weights, func(a *arch.Architecture) { a.NormEps = 1e-5 })
	if _, err := output(t, "-config", config, "-weights", other, "-set", "model.norm_eps=1e-5"); err != nil {
		t.Errorf("with the weights' epsilon: %v", err)
	}
}

func TestInterruptedSaysHowToResume(t *testing.T) {
	config, weights := tinyRun(t, "panoptic")
	if _, err := output(t, "-config", config, "-weights", weights, "-limit", "1"); err != nil { // generates the data set
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := run(ctx, []string{"-backend", "go", "-config", config, "-weights", weights, "-json", filepath.Join(t.TempDir(), "r.json")})
	if want := "stopped after 0 of 5 images: context canceled; the same command resumes it"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q in it", err, want)
	}
}
