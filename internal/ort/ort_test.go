package ort_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/internal/ort"
)

// What is missing is said in one line, with how to get it.
func TestNoLibrary(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("EOMT_CACHE", cache)
	t.Setenv(ort.LibraryEnv, "")
	for p, want := range map[ort.Provider]string{
		ort.CPU:      "ort: no ONNX Runtime in " + cache + "/ort/cpu: `make setup ORT=cpu` fetches it",
		ort.OpenVINO: "ort: no ONNX Runtime in " + cache + "/ort/openvino: `make setup ORT=openvino` fetches it",
		ort.CUDA:     "ort: provider cuda: name a libonnxruntime.so that has it in EOMT_ORT_LIBRARY; `make setup` fetches none",
	} {
		if _, err := ort.Library(p); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", p, err, want)
		}
		if _, err := ort.Open("m.onnx", p, "in", nil); err == nil {
			t.Errorf("%s opens", p)
		}
	}
	t.Setenv(ort.LibraryEnv, filepath.Join(cache, "none.so"))
	if _, err := ort.Library(ort.CPU); err == nil || !strings.Contains(err.Error(), "ort: EOMT_ORT_LIBRARY: stat ") {
		t.Error(err)
	}
	text := filepath.Join(cache, "text.so")
	if err := os.WriteFile(text, []byte("no library"), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv(ort.LibraryEnv, text)
	if path, err := ort.Library(ort.CUDA); err != nil || path != text {
		t.Errorf("%s, %v", path, err)
	}
}

func TestProviders(t *testing.T) {
	for _, p := range ort.Providers {
		if got, err := ort.ParseProvider(string(p)); err != nil || got != p {
			t.Errorf("%s: %v", p, err)
		}
	}
	if p, err := ort.ParseProvider(""); err != nil || p != ort.CPU {
		t.Errorf("%s, %v", p, err)
	}
	if _, err := ort.ParseProvider("rocm"); err == nil || err.Error() != `ort: provider "rocm": want cpu, cuda, tensorrt or openvino` {
		t.Error(err)
	}
}

func TestNoFile(t *testing.T) {
	library, err := ort.Library(ort.CPU)
	if err != nil {
		t.Skip(err)
	}
	text := filepath.Join(t.TempDir(), "text.onnx")
	if err := os.WriteFile(text, []byte("no model"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{text, "none.onnx"} {
		if _, err := ort.Open(path, ort.CPU, "in", nil); err == nil || !strings.Contains(err.Error(), "ort: open "+path+": ") {
			t.Errorf("%s: %v", path, err)
		}
	}
	t.Setenv(ort.LibraryEnv, text)
	if _, err := ort.Open(text, ort.CPU, "in", nil); err == nil || !strings.Contains(err.Error(), library+" is open in this process") {
		t.Errorf("a second library: %v", err)
	}
}
