package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteBytesReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, content := range []string{"first", "second"} {
		if err := WriteBytes(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		holds(t, path, content)
	}
	only(t, dir, "file")
}

func TestPartialFileOfAKilledRunIsOverwritten(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path+".part", []byte("a longer content, half written"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := WriteBytes(path, []byte("whole")); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "whole")
	only(t, dir, "file")
}

func TestFailureKeepsWhatWasThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := WriteBytes(path, []byte("kept")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken pen")
	err := Write(path, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want that of the writing function", err)
	}
	holds(t, path, "kept")
	only(t, dir, "file")
}

func TestWriteErrors(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "folder", "full"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := WriteBytes(filepath.Join(dir, "folder"), nil); err == nil || !strings.Contains(err.Error(), "rename ") {
		t.Errorf("in place of a folder: %v", err)
	}
	if err := WriteBytes(filepath.Join(dir, "none", "file"), nil); !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "remove") {
		t.Errorf("in no folder: %v", err)
	}
	only(t, dir, "folder")
}

func TestRename(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "new"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := Rename(filepath.Join(dir, "new"), filepath.Join(dir, "final")); err != nil {
		t.Fatal(err)
	}
	only(t, dir, "final")
	if err := Rename(filepath.Join(dir, "new"), filepath.Join(dir, "final")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
	if err := SyncDir(filepath.Join(dir, "new")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("sync of no folder: %v", err)
	}
}

func holds(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v; want %q", path, got, err, want)
	}
}

func only(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("the folder holds %v, %v; want %s alone", entries, err, name)
	}
}
