package predictions

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Manifest lists the files that a program has written below a folder, one path per
// line, so that its next run can remove them and nothing else. Its methods are safe
// for concurrent use.
type Manifest struct {
	mu   sync.Mutex
	file *os.File
}

// NewManifest removes the files that the manifest name in dir lists, as an earlier
// run has left it, and starts a new one. If there is none although one of taken
// exists, with a file in it where it is a folder, the error names that: those files
// are somebody else's.
func NewManifest(dir, name string, taken ...string) (*Manifest, error) {
	path := filepath.Join(dir, name)
	err := removeListed(dir, path)
	if errors.Is(err, fs.ErrNotExist) {
		err = free(dir, name, taken)
	}
	if err == nil {
		err = os.MkdirAll(dir, 0o777)
	}
	m := &Manifest{}
	if err == nil {
		m.file, err = os.Create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("predictions: manifest: %w", err)
	}
	return m, nil
}

// Add lists a file, by its path relative to the folder, before it is written.
func (m *Manifest) Add(file string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := fmt.Fprintln(m.file, filepath.ToSlash(file)); err != nil {
		return fmt.Errorf("predictions: manifest: %w", err)
	}
	return nil
}

// Close ends the list.
func (m *Manifest) Close() error { return m.file.Close() }

// removeListed removes the files of a manifest and the folders that they leave empty.
func removeListed(dir, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := strings.Split(string(text), "\n")
	for _, line := range lines[:len(lines)-1] { // a truncated line stands for no file yet
		name := filepath.FromSlash(line)
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%s: %q is outside of its folder", path, line)
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for parent := filepath.Dir(name); parent != "."; parent = filepath.Dir(parent) {
			if os.Remove(filepath.Join(dir, parent)) != nil { // not empty, or gone
				break
			}
		}
	}
	return nil
}

// free fails if one of names is taken in dir.
func free(dir, manifest string, names []string) error {
	for _, name := range names {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if info.IsDir() {
			entries, err := os.ReadDir(path)
			if err != nil {
				return err
			}
			if len(entries) == 0 {
				continue
			}
		}
		return fmt.Errorf("%s already exists and is not listed in %s of an earlier run: remove it, or name another folder", path, manifest)
	}
	return nil
}
