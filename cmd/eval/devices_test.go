package main

import (
	"path/filepath"
	"strings"
	"testing"

	"eomt/internal/backend/backendtest"
	"eomt/internal/cli/clitest"
)

// Two devices share out the images; table and predictions are those of one, to the byte.
func TestEvaluatesOnDevices(t *testing.T) {
	backendtest.Devices(t, 2)
	config, weights := tinyRun(t, "panoptic")
	evaluate := func(devices string) (string, string) {
		dir := filepath.Join(t.TempDir(), "predictions")
		text, err := clitest.Output(t, run, "-backend", "xla:cpu", "-devices", devices, "-config", config, "-weights", weights, "-save-predictions", dir)
		if err != nil {
			t.Fatal(err)
		}
		table, _, _ := strings.Cut(text, "images,") // before the seconds
		return table, dir
	}
	wantTable, wantDir := evaluate("1")
	table, dir := evaluate("2")
	if table != wantTable {
		t.Errorf("table\n%s\nwant\n%s", table, wantTable)
	}
	// "all" takes the plugin's own count, four, on which last digits depend.
	_, all := evaluate("all")
	_, four := evaluate("4")
	clitest.SameFiles(t, four, all, "images.jsonl")
	// images.jsonl is in the order in which images were done.
	if compared := clitest.SameFiles(t, dir, wantDir, "images.jsonl"); compared < 7 { // configuration, list, an image each
		t.Errorf("%d files", compared)
	}
}
