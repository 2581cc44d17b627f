package predictions

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const list = "predict.files"

// put writes files below dir.
func put(t *testing.T, dir string, files ...string) {
	t.Helper()
	for _, file := range files {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// files are the paths of all files below dir.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && path != dir {
			name, _ := filepath.Rel(dir, path)
			found = append(found, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// The next run removes what the one before listed, and nothing else, also where
// that was killed.
func TestManifestRemovesItsOwnFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	m, err := NewManifest(dir, list, "overlays")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"overlays/a.png", "overlays/more/b.png", "gone.json"} {
		if err := m.Add(file); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "overlays/a.png", "overlays/more/b.png", "overlays/mine.png", "notes.txt", "note")
	half, err := os.OpenFile(filepath.Join(dir, list), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := half.WriteString("note"); err != nil { // cut off
		t.Fatal(err)
	}
	half.Close()
	if m, err = NewManifest(dir, list, "overlays"); err != nil {
		t.Fatal(err)
	}
	m.Close()
	want := []string{"note", "notes.txt", "overlays", "overlays/mine.png", list}
	slices.Sort(want)
	if got := files(t, dir); !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
}

func TestManifestRefuses(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "overlays/theirs.png", "free.txt")
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := NewManifest(dir, list, "empty", "absent", "overlays"); err == nil || !strings.Contains(err.Error(), "overlays already exists and is not listed in predict.files") {
		t.Errorf("somebody else's folder: %v", err)
	}
	if _, err := NewManifest(dir, list, "free.txt"); err == nil || !strings.Contains(err.Error(), "free.txt already exists") {
		t.Errorf("somebody else's file: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, list), []byte("free.txt\n../outside\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := NewManifest(dir, list); err == nil || !strings.Contains(err.Error(), `"../outside" is outside of its folder`) {
		t.Errorf("a path that leads out: %v", err)
	}
}
