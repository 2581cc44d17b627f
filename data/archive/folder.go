package archive

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"eomt/data"
)

// folder is a Source on disk.
type folder struct{ dir string }

func openFolder(dir string) (Source, error) {
	if !isDir(dir) {
		return nil, fmt.Errorf("archive: open %s: no such folder: %w", dir, fs.ErrNotExist)
	}
	return folder{dir}, nil
}

func (f folder) Open(name string) (io.ReadCloser, error) {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil, &data.FormatError{Path: f.Path(name), Reason: "the name leads outside of its folder"}
	}
	file, err := os.Open(f.Path(name))
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder, not a file", f.Path(name))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("archive: %w", err), file.Close())
	}
	return sizedFile{file, info.Size()}, nil
}

// sizedFile tells [ReadFile] how much to allocate.
type sizedFile struct {
	*os.File
	size int64
}

func (f sizedFile) Size() int64 { return f.size }

func (f folder) Has(name string) bool {
	return filepath.IsLocal(filepath.FromSlash(name)) && isFile(f.Path(name))
}

func (f folder) Size(name string) int64 {
	if !f.Has(name) {
		return -1
	}
	info, err := os.Stat(f.Path(name))
	if err != nil {
		return -1
	}
	return info.Size()
}

func (f folder) Names(dir string) ([]string, error) {
	var names []string
	err := fs.WalkDir(os.DirFS(f.dir), path.Clean(dir), func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("archive: list %s: %w", f.Path(dir), err)
	}
	slices.Sort(names)
	return names, nil
}

func (f folder) Path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

func (f folder) Close() error { return nil }
