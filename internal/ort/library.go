package ort

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"eomt/internal/cachedir"
)

// Provider is what ONNX Runtime computes with.
type Provider string

const (
	CPU      Provider = "cpu"
	CUDA     Provider = "cuda"
	TensorRT Provider = "tensorrt"
	OpenVINO Provider = "openvino"
)

// Providers lists all.
var Providers = []Provider{CPU, CUDA, TensorRT, OpenVINO}

// ParseProvider reads a provider's name; empty is CPU.
func ParseProvider(name string) (Provider, error) {
	if name == "" {
		return CPU, nil
	}
	if p := Provider(name); slices.Contains(Providers, p) {
		return p, nil
	}
	return "", fmt.Errorf("ort: provider %q: want cpu, cuda, tensorrt or openvino", name)
}

// LibraryEnv names the shared library of ONNX Runtime in place of the fetched one:
// for providers and systems that `make setup` fetches nothing for.
const LibraryEnv = "EOMT_ORT_LIBRARY"

// Library is the path of ONNX Runtime's shared library for a provider. The error says
// in one line what is missing and how to get it.
func Library(p Provider) (string, error) {
	if path := os.Getenv(LibraryEnv); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("ort: %s: %w", LibraryEnv, err)
		}
		return path, nil
	}
	kind := CPU
	switch p {
	case OpenVINO:
		kind = p
	case CUDA, TensorRT:
		return "", fmt.Errorf("ort: provider %s: name a libonnxruntime.so that has it in %s; `make setup` fetches none", p, LibraryEnv)
	}
	dir := filepath.Join(cachedir.Path(), "ort", string(kind), "onnxruntime", "capi")
	found, err := filepath.Glob(filepath.Join(dir, "libonnxruntime.so.*"))
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("ort: no ONNX Runtime in %s: `make setup ORT=%s` fetches it", filepath.Dir(filepath.Dir(dir)), kind)
	}
	return found[0], nil
}

// version is the version of a fetched library, which its name states.
func version(library string) string {
	if _, v, ok := strings.Cut(filepath.Base(library), ".so."); ok {
		return v
	}
	return "of " + library
}
