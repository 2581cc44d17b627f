package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/internal/cli"
	"eomt/internal/ort"
)

func TestExport(t *testing.T) {
	out := filepath.Join(t.TempDir(), "model.onnx")
	text, err := command(t, "export", "-in", testdata+"hf-eomt", "-out", out, "-opset", "17", "-input", "uint8")
	if err != nil || text != out+"\n" {
		t.Fatalf("%q, %v", text, err)
	}
	if info, err := os.Stat(out); err != nil || info.Size() < 10_000 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := command(t, "export", "-in", testdata+"hf-eomt", "-out", out); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("an existing file: %v", err)
	}
}

func TestExportVerifies(t *testing.T) {
	if _, err := ort.Library(ort.CPU); err != nil {
		t.Skip(err)
	}
	for i, in := range []string{"hf-eomt", "hf-eomt-dinov3"} {
		for _, precision := range []string{"f32", "f16"} {
			out := filepath.Join(t.TempDir(), "model.onnx")
			if _, err := command(t, "export", "-in", testdata+in, "-out", out, "-precision", precision, "-verify", "-backend", "go"); err != nil {
				t.Errorf("%d, %s: %v", i, precision, err)
			}
		}
	}
}

// Networks with a Transformer decoder are exported from their checkpoints, running values
// included.
func TestExportVerifiesTheLadder(t *testing.T) {
	if _, err := ort.Library(ort.CPU); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "tiny.yaml")
	text := `name: tiny
task: panoptic
model: {size: custom, network: vit_adapter_mask2former, image: [32, 64], queries: 4, width: 16, blocks: 4, heads: 2, mlp_hidden: 16, patch: 16, decoder_width: 32, decoder_heads: 2, decoder_layers: 3, decoder_hidden: 16, encoder_layers: 1, encoder_hidden: 16}
data: {format: coco, root: none}
train: {total_steps: 1}
`
	if err := os.WriteFile(config, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	weights := filepath.Join(dir, "weights")
	if _, err := command(t, "init", "-config", config, "-seed", "3", "-out", weights); err != nil {
		t.Fatal(err)
	}
	if _, err := command(t, "export", "-in", weights, "-out", filepath.Join(dir, "model.onnx"), "-verify", "-backend", "go"); err != nil {
		t.Error(err)
	}
}

// Without ONNX Runtime the file is written, and nothing claims that it was compared.
func TestExportWithoutLibrary(t *testing.T) {
	t.Setenv("EOMT_CACHE", t.TempDir())
	t.Setenv(ort.LibraryEnv, "")
	out := filepath.Join(t.TempDir(), "model.onnx")
	if _, err := command(t, "export", "-in", testdata+"hf-eomt", "-out", out, "-verify"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(out); err != nil {
		t.Error(err)
	}
}

func TestExportRejects(t *testing.T) {
	for want, args := range map[string][]string{
		"want -in and -out":                        {"-in", "a"},
		"-out b: want a name that ends in .onnx":   {"-in", "a", "-out", "b"},
		"onnx: opset 19: want 20 or 17":            {"-in", "a", "-out", "b.onnx", "-opset", "19"},
		`onnx: for "tensorrt": want generic or`:    {"-in", "a", "-out", "b.onnx", "-for", "tensorrt"},
		"-task things: want panoptic, instance or": {"-in", "a", "-out", "b.onnx", "-task", "things"},
	} {
		_, err := command(t, append([]string{"export"}, args...)...)
		var usage *cli.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %s", args, err, want)
		}
	}
	for want, args := range map[string][]string{
		"absent: no such file":                {"-in", "absent", "-out", "b.onnx"},
		"the weights are of a backbone alone": {"-in", testdata + "timm-reg.safetensors", "-out", "b.onnx"},
		"name their base (-deltas-from BASE)": {"-in", testdata + "official-dinov3-deltas.bin", "-out", "b.onnx"},
	} {
		if _, err := command(t, append([]string{"export"}, args...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %s", args, err, want)
		}
	}
}
