package main

import (
	"bytes"
	"io/fs"
	"os"
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
	compared := 0
	err := filepath.WalkDir(wantDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "images.jsonl" { // in the order in which images were done
			return err
		}
		name, _ := filepath.Rel(wantDir, path)
		want, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs (%v)", name, err)
		}
		compared++
		return nil
	})
	if err != nil || compared < 7 { // configuration, list, an image each
		t.Errorf("%d files, %v", compared, err)
	}
}
