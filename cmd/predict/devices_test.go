package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"eomt/internal/backend/backendtest"
)

// Two devices share out the photographs; all files are those of one, to the byte.
func TestPredictsOnDevices(t *testing.T) {
	backendtest.Devices(t, 2)
	weights, in := tinyRun(t), t.TempDir()
	for i := range 5 {
		if err := os.WriteFile(filepath.Join(in, fmt.Sprintf("%d.jpg", i)), photograph(t, 60+9*i, 50), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	predict := func(devices string) string {
		out := filepath.Join(t.TempDir(), "out")
		if err := run(t.Context(), []string{"-backend", "xla:cpu", "-devices", devices, "-weights", weights, "-out", out, "-score", "0", in}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	wantDir, dir := predict("1"), predict("[1, 0]")
	compared := 0
	err := filepath.WalkDir(wantDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == manifest { // in the order in which images were done
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
	if err != nil || compared < 11 { // a picture and a map of each, and the list
		t.Errorf("%d files, %v", compared, err)
	}
}
