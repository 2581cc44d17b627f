package main

import (
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
	"eomt/internal/cli"
	"eomt/internal/cli/clitest"
)

var nan = float32(math.NaN())

const testdata = "../../checkpoints/weights/testdata/"

// command runs the command line and returns what it prints.
func command(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return clitest.Output(t, run, args...)
}

func wantText(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("printed %q, want %q in it", text, want)
		}
	}
}

func TestConvertThenCompare(t *testing.T) {
	dir := t.TempDir()
	official := testdata + "official.bin"
	hf, native, back := filepath.Join(dir, "hf"), filepath.Join(dir, "native"), filepath.Join(dir, "back.bin")
	for _, step := range [][]string{
		{"convert", "-in", official, "-out", hf, "-format", "hf"},
		{"convert", "-in", hf, "-out", native, "-format", "native"},
		{"convert", "-format", "official", "-out", back, "-in", native},
	} {
		if text, err := command(t, step...); err != nil || !strings.Contains(text, dir) {
			t.Fatalf("%v: %q, %v", step, text, err)
		}
	}
	// Only the same format has the same buffers.
	for other, equal := range map[string]string{hf: "35 equal", native: "35 equal", back: "39 equal"} {
		text, err := command(t, "compare", official, other)
		if err != nil {
			t.Errorf("%s: %v\n%s", other, err, text)
		}
		wantText(t, text, equal+", 0 different, 0 only in A, 0 only in B")
	}
	if _, err := command(t, "convert", "-in", official, "-out", hf, "-format", "hf"); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("an existing folder: %v", err)
	}
}

func TestDeltasAreConverted(t *testing.T) {
	out := filepath.Join(t.TempDir(), "hf")
	if _, err := command(t, "convert", "-in", testdata+"official-dinov3-deltas.bin", "-out", out, "-format", "hf",
		"-deltas-from", testdata+"hf-dinov3", "-image", "320"); err != nil {
		t.Fatal(err)
	}
	if config, err := os.ReadFile(filepath.Join(out, "config.json")); err != nil || !strings.Contains(string(config), `"image_size": 320`) {
		t.Errorf("config.json is %s (%v), want image_size 320", config, err)
	}
	text, err := command(t, "compare", out, testdata+"official-dinov3-deltas.expected.safetensors")
	wantText(t, text, "53 equal, 0 different, 0 only in A, 0 only in B")
	if err != nil {
		t.Error(err)
	}
	if _, err := command(t, "convert", "-in", testdata+"official-dinov3-deltas.bin", "-out", out+"2", "-format", "hf"); err == nil || !strings.Contains(err.Error(), "-deltas-from") {
		t.Errorf("without a base: %v", err)
	}
}

func TestImageSizeThatTheFileTells(t *testing.T) {
	out := filepath.Join(t.TempDir(), "hf")
	_, err := command(t, "convert", "-in", testdata+"hf-eomt", "-out", out, "-format", "hf", "-image", "640")
	var usage *cli.UsageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "64") {
		t.Errorf("-image against the file: %v", err)
	}
	_, err = command(t, "convert", "-in", testdata+"official-dinov3-deltas.bin", "-out", out, "-format", "hf",
		"-deltas-from", testdata+"hf-dinov3", "-image", "100")
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "patches of 16") {
		t.Errorf("-image of no whole patches: %v", err)
	}
}

func TestCompareFindsDifferences(t *testing.T) {
	if _, err := command(t, "compare", testdata+"hf-eomt", testdata+"hf-eomt-sharded", "-tolerance", "100"); err != nil {
		t.Errorf("within 100: %v", err)
	}
	text, err := command(t, "compare", testdata+"hf-eomt", "-tolerance", "1e-3", testdata+"hf-eomt-sharded")
	if !errors.Is(err, errDiffer) {
		t.Errorf("different models: %v", err)
	}
	wantText(t, text, "q.weight 48 of 48 values differ, by up to", "2 equal, 54 different, 0 only in A", "largest difference")
	text, err = command(t, "compare", testdata+"timm-reg.safetensors", testdata+"timm-swiglu.safetensors")
	if !errors.Is(err, errDiffer) {
		t.Errorf("different shapes: %v", err)
	}
	wantText(t, text, "backbone.blocks.0.mlp.fc1.weight shape [32 16], in B [64 16]")
	text, err = command(t, "compare", testdata+"timm-reg.safetensors", testdata+"timm-noreg.safetensors")
	if !errors.Is(err, errDiffer) {
		t.Errorf("different names: %v", err)
	}
	wantText(t, text, "backbone.reg_token only in A", "1 only in A, 0 only in B")
	// A file that is not a model is compared by the names that it holds.
	text, err = command(t, "compare", testdata+"hf-eomt/model.safetensors", testdata+"hf-eomt-sharded/model-00001-of-00003.safetensors")
	if !errors.Is(err, errDiffer) {
		t.Errorf("a part: %v", err)
	}
	wantText(t, text, "only in A", " 0 only in B")
	dir := t.TempDir()
	for name, values := range map[string][]float32{"a": {1, nan, 3, nan}, "b": {1, nan, 3.25, 4}} {
		file, err := os.Create(filepath.Join(dir, name+".safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		if err := safetensors.Write(file, []tensor.Tensor{tensor.FromFloat32s("logits", []int{4}, values)}, nil); err != nil {
			t.Fatal(err)
		}
		file.Close()
	}
	text, err = command(t, "compare", dir+"/a.safetensors", dir+"/b.safetensors", "-tolerance", "0.25")
	if !errors.Is(err, errDiffer) {
		t.Errorf("NaN against a number: %v", err)
	}
	wantText(t, text, "logits 1 of 4 values differ, by up to +Inf")
}

func TestInspect(t *testing.T) {
	text, err := command(t, "inspect", testdata+"hf-eomt-dinov3")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, text, "backbone.cls_token F32 [1 1 16] ", "53 tensors", "format hf-eomt-dinov3", "mask probabilities [1]",
		"architecture dinov3 width 16 blocks 2 heads 2 mlp 32 gated false patch 16 grid 4x4 registers 4 queries 3 classes 4 query blocks 1")
	if text, err = command(t, "inspect", "-raw", testdata+"hf-eomt-dinov3"); err != nil {
		t.Fatal(err)
	}
	wantText(t, text, "layers.0.attention.q_proj.weight F32 [16 16]", "criterion.empty_weight")
	text, err = command(t, "inspect", testdata+"official-dinov3-deltas.bin", "-deltas-from", testdata+"hf-dinov3")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, text, "format official-dinov3", "mask probabilities [0]")
}

func TestCommandLineErrors(t *testing.T) {
	for _, args := range [][]string{
		{}, {"melt"}, {"inspect"}, {"inspect", "a", "b"}, {"inspect", "-x", "a"}, {"inspect", "-raw", "-deltas-from", "b", "a"},
		{"convert"}, {"convert", "-in", "a", "-out", "b"}, {"convert", "-in", "a", "-out", "b", "-format", "gguf"},
		{"convert", "-in", "a", "-format", "hf"}, {"convert", "-in", "a", "-out", "b", "-format", "hf", "-image", "0"}, {"convert", "-in", "a", "-out", "b", "-format", "hf", "c"},
		{"compare", "a"}, {"compare", "a", "b", "-tolerance", "-1"}, {"compare", "a", "b", "-tolerance", "NaN"}, {"fetch"}, {"fetch", "a/b"},
	} {
		_, err := command(t, args...)
		var usage *cli.UsageError
		if !errors.As(err, &usage) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v, want a usage error in one line", args, err)
		}
	}
	for _, args := range [][]string{{"inspect", "absent"}, {"compare", "absent", testdata + "hf-eomt"}, {"compare", testdata + "hf-eomt", "absent"},
		{"convert", "-in", "absent", "-out", "b", "-format", "hf"}} {
		if _, err := command(t, args...); err == nil || !strings.Contains(err.Error(), "absent: no such file") {
			t.Errorf("%v: %v", args, err)
		}
	}
	for _, args := range [][]string{{"-h"}, {"inspect", "-h"}, {"convert", "-h"}, {"compare", "-h"}, {"fetch", "-h"}, {"forward", "-h"}} {
		text, err := command(t, args...)
		if !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%v: %v", args, err)
		}
		wantText(t, text, "Usage: weights", "Example:\n  go run ./cmd/weights")
	}
}

func TestFetchWithoutANetwork(t *testing.T) {
	t.Setenv("HF_ENDPOINT", "http://127.0.0.1:1") // nobody listens there
	_, err := command(t, "fetch", "-cache", t.TempDir(), "dinov2:vits14_reg4")
	if err == nil || !strings.Contains(err.Error(), "no network") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}
