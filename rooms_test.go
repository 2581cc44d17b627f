// Package eomt_test holds what is true of the tree as a whole.
package eomt_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// knows lists the rooms that each room's product code may import besides itself
// and internal, which is open to all.
var knows = map[string][]string{
	"arch":        nil,
	"data":        nil,
	"internal":    {"arch"},
	"matcher":     nil,
	"model":       {"arch"},
	"losses":      {"matcher"},
	"checkpoints": {"arch", "data"},
	"export":      {"arch", "data", "checkpoints"},
	"eval":        {"arch", "data"},
	"train":       {"arch", "data", "model", "matcher", "losses", "checkpoints", "eval"},
	"configs":     {"arch", "data", "losses", "train", "eval"},
	"segment":     {"arch", "data", "model", "matcher", "losses", "checkpoints", "eval", "train", "configs", "export"},
	"experiment":  {"arch", "data", "model", "matcher", "losses", "checkpoints", "eval", "train", "configs", "segment"},
	"serve":       {"arch", "data", "eval", "segment"},
	"examples":    {"data", "configs", "experiment", "segment"},
	"cmd":         {"arch", "data", "model", "matcher", "losses", "checkpoints", "eval", "train", "configs", "segment", "experiment", "export", "serve"},
	"scripts":     {"arch", "data", "checkpoints", "eval", "configs", "train"},
}

// noEngine are the rooms that compute on host arrays: no GoMLX, neither directly
// nor through internal/backend.
var noEngine = []string{"arch", "data", "eval", "checkpoints", "export", "serve"}

func TestImportDirections(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && path != "." || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		room := strings.Split(filepath.ToSlash(path), "/")[0]
		allowed, known := knows[room]
		if !known {
			t.Errorf("%s: no room %q in the table of rooms", path, room)
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if ours, ok := strings.CutPrefix(name, "eomt/"); ok {
				to := strings.Split(ours, "/")[0]
				if to != room && to != "internal" && !slices.Contains(allowed, to) {
					t.Errorf("%s imports %s: %s may import %v and internal only", path, name, room, allowed)
				}
			}
			if usesEngine(name) && slices.Contains(noEngine, room) {
				t.Errorf("%s imports %s: %s works on host arrays", path, name, room)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func usesEngine(importPath string) bool {
	if importPath == "github.com/gomlx/compute-onnx/support/protos" { // types of a file format
		return false
	}
	for _, prefix := range []string{"github.com/gomlx/gomlx", "github.com/gomlx/compute", "github.com/gomlx/go-xla", "eomt/internal/backend"} {
		if strings.HasPrefix(importPath, prefix) {
			return true
		}
	}
	return false
}

// Names that say nothing of what a package holds.
func TestNoNamelessPackages(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && slices.Contains([]string{"utils", "util", "common", "helpers", "misc"}, entry.Name()) {
			t.Errorf("%s: name the concept", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
