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

// knows lists the rooms that each room's product code may import besides itself.
var knows = map[string][]string{
	"data":        nil,
	"model":       nil,
	"matcher":     nil,
	"checkpoints": nil,
	"configs":     {"data"},
	"internal":    nil,
	"losses":      {"matcher"},
	"eval":        {"data", "internal"},
	"train":       {"data", "model", "matcher", "losses", "checkpoints", "eval"},
	"cmd":         {"data", "model", "matcher", "losses", "checkpoints", "eval", "train", "configs", "internal"},
	"scripts":     {"data", "checkpoints", "eval"},
}

// noEngine are the rooms that compute on host arrays: no GoMLX.
var noEngine = []string{"data", "eval", "checkpoints", "configs"}

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
				if to != room && !slices.Contains(allowed, to) {
					t.Errorf("%s imports %s: %s may know of %v only", path, name, room, allowed)
				}
			}
			if strings.HasPrefix(name, "github.com/gomlx/gomlx") && slices.Contains(noEngine, room) {
				t.Errorf("%s imports %s: %s works on host arrays", path, name, room)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
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
