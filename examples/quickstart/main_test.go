package main

import (
	"path/filepath"
	"testing"
)

// The example runs, on a network and a data set that are small enough for a test.
func TestQuickstart(t *testing.T) {
	t.Setenv("GOMLX_BACKEND", "go")
	t.Chdir(filepath.Join("..", ".."))
	dir := t.TempDir()
	root := filepath.Join(dir, "shapes")
	err := quickstart(t.Context(), filepath.Join(dir, "run"), filepath.Join(root, "val2017", "000000500001.jpg"),
		"data.root="+root, "data.shapes={train: 4, val: 2, size: 64, seed: 1}", "data.batch=2", "train.total_steps=2",
		"model.width=16", "model.blocks=2", "model.query_blocks=1", "model.heads=2", "eval.score_threshold=0")
	if err != nil {
		t.Fatal(err)
	}
}
