package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
	"eomt/configs"
	"eomt/data/shapes"
	"eomt/internal/cli"
)

const tiny = `
name: tiny
task: panoptic
model: {size: custom, image: [64, 64], queries: 6, width: 32, blocks: 2, heads: 2, mlp_hidden: 64, query_blocks: 1, patch: 8, registers: 1}
data: {format: shapes, root: nowhere, batch: 2}
train: {total_steps: 1}
eval: {batch: 2, score_threshold: 0, overlap_threshold: 0}
`

// tinyRun is a run folder with random weights.
func tinyRun(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, []byte(tiny), 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := configs.Read(config)
	if err != nil {
		t.Fatal(err)
	}
	c.Data.Classes = len(shapes.Classes())
	a, err := c.Model.Architecture(c.Data.Classes)
	if err != nil {
		t.Fatal(err)
	}
	var params []tensor.Tensor
	for _, p := range a.Parameters() {
		params = append(params, tensor.FromFloat32s(p.Name, p.Shape, p.Initialize(7)))
	}
	store := checkpoints.Store{Dir: filepath.Join(dir, "checkpoints"), Keep: 1}
	if _, err := store.Save(checkpoints.Snapshot{State: checkpoints.State{Step: 1, Architecture: &a}, Params: params}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// photograph is a JPEG of w x h stored pixels that a viewer turns by a quarter.
func photograph(t *testing.T, w, h int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.SetRGBA(i%w, i/w, color.RGBA{uint8(i), uint8(i / w), 90, 255})
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, nil); err != nil {
		t.Fatal(err)
	}
	exif := "\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"
	raw := out.Bytes()
	return append(append(bytes.Clone(raw[:2]), exif...), raw[2:]...)
}

// size is that of an image file.
func size(t *testing.T, path string) image.Point {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	config, _, err := image.DecodeConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	return image.Pt(config.Width, config.Height)
}

func TestPredicts(t *testing.T) {
	weights, in := tinyRun(t), t.TempDir()
	if err := os.Mkdir(filepath.Join(in, "more"), 0o777); err != nil {
		t.Fatal(err)
	}
	var small bytes.Buffer
	if err := png.Encode(&small, image.NewGray(image.Rect(0, 0, 3, 1))); err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{"photo.jpg": photograph(t, 90, 41), "photo.png": small.Bytes(), "more/photo.jpg": photograph(t, 200, 10), "notes.txt": nil} {
		if err := os.WriteFile(filepath.Join(in, name), raw, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for task, want := range map[string]struct{ maps, list string }{
		"": {"panoptic", "panoptic.json"}, "panoptic": {"panoptic", "panoptic.json"},
		"semantic": {"labels", ""}, "instance": {"", "instances.json"},
	} {
		t.Run(task, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			if err := run(t.Context(), []string{"-backend", "go", "-weights", weights, "-out", out, "-task", task, "-score", "0", in}); err != nil {
				t.Fatal(err)
			}
			// Small pictures are enlarged; the legend is at the right.
			for name, upright := range map[string]image.Point{"photo.jpg": {41, 90}, "photo-2.png": {3, 1}, "more/photo.jpg": {10, 200}} {
				picture := size(t, filepath.Join(out, "overlays", name))
				if picture.Y < upright.Y || picture.X <= upright.X {
					t.Errorf("picture of %s is %v", name, picture)
				}
				if want.maps == "" {
					continue
				}
				stem := strings.TrimSuffix(name, filepath.Ext(name))
				if got := size(t, filepath.Join(out, want.maps, stem+".png")); got != upright {
					t.Errorf("map of %s is %v, want %v", name, got, upright)
				}
			}
			if want.list != "" {
				text, err := os.ReadFile(filepath.Join(out, want.list))
				if err != nil || !json.Valid(text) {
					t.Errorf("%s: %v", want.list, err)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(out, "*.jsonl")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	weights, dir := tinyRun(t), t.TempDir()
	truncated := filepath.Join(dir, "cut.jpg")
	if err := os.WriteFile(truncated, photograph(t, 90, 41)[:400], 0o666); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(t.TempDir(), "labels")
	if err := errors.Join(os.Mkdir(foreign, 0o777), os.WriteFile(filepath.Join(foreign, "mine.png"), nil, 0o666)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		usage bool
		want  string
		args  []string
	}{
		{"no weights", true, "-weights is missing", []string{"-out", dir, truncated}},
		{"no out", true, "-out is missing", []string{"-weights", weights, truncated}},
		{"no image", true, "name at least one image", []string{"-weights", weights, "-out", dir}},
		{"task", true, "-task depth: want", []string{"-weights", weights, "-out", dir, "-task", "depth", truncated}},
		{"score", true, "-score 1.5: want 0 to 1", []string{"-weights", weights, "-out", dir, "-score", "1.5", truncated}},
		{"engine", true, "-engine abacus: want graph, ort or ort:PROVIDER", []string{"-weights", weights, "-out", dir, "-engine", "abacus", truncated}},
		{"absent", false, "no-such.jpg", []string{"-weights", weights, "-out", dir, "no-such.jpg"}},
		{"empty folder", false, "has none", []string{"-weights", weights, "-out", dir, t.TempDir()}},
		{"truncated", false, "1 of 1 images could not be read", []string{"-weights", weights, "-out", filepath.Join(dir, "out"), truncated}},
		{"somebody else's folder", false, "labels already exists", []string{"-weights", weights, "-out", filepath.Dir(foreign), truncated}},
		{"weights file", false, "no-such-weights", []string{"-weights", "no-such-weights", "-out", dir, truncated}},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := run(t.Context(), append([]string{"-backend", "go"}, test.args...))
			var usage *cli.UsageError
			if err == nil || errors.As(err, &usage) != test.usage || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}
