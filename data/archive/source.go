package archive

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
)

// Source is a set of files read by slash-separated name, relative to the place
// at which it was opened. All methods are safe for concurrent use, except that
// nothing may be read after Close.
type Source interface {
	// Open streams one file. A zip entry's checksum is verified at its end. A missing file is an error that is fs.ErrNotExist.
	Open(name string) (io.ReadCloser, error)
	// Has reports whether the file exists.
	Has(name string) bool
	// Size returns the length of a file in bytes, -1 if there is none.
	Size(name string) int64
	// Names lists all files below the folder dir ("." for all), at any depth, sorted.
	Names(dir string) ([]string, error)
	// Path names a file for messages: where the source lies, then name.
	Path(name string) string
	Close() error
}

// ReadFile returns the whole content of one file of src. Errors name the file;
// damaged content is a *data.FormatError.
func ReadFile(src Source, name string) ([]byte, error) {
	r, err := src.Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	size := int64(bytes.MinRead)
	if sized, ok := r.(interface{ Size() int64 }); ok {
		size = sized.Size()
	}
	return readAll(r, size)
}

// maxTrusted bounds what is allocated from a stated size alone. Buffers of larger
// files grow as they are read, so that a wrong size costs no more than the content.
const maxTrusted = 64 << 20

// readAll is io.ReadAll that first allocates the stated size, which may be wrong.
func readAll(r io.Reader, size int64) ([]byte, error) {
	room := min(max(size, 0), maxTrusted) + 1 // one more, to reach the end without growing
	raw := make([]byte, 0, room)
	for {
		n, err := r.Read(raw[len(raw):cap(raw)])
		raw = raw[:len(raw)+n]
		if err == io.EOF {
			return raw, nil
		}
		if err != nil {
			return nil, err
		}
		if len(raw) == cap(raw) {
			raw = append(raw, 0)[:len(raw)]
		}
	}
}

// Open opens the folder at path, which may lead through zips (see the package
// comment). If there is none, the error is fs.ErrNotExist.
func Open(path string) (Source, error) {
	dir, rest, err := splitAtZip(path)
	if err != nil {
		return nil, err
	}
	if rest == nil {
		return openFolder(dir)
	}
	return openZip(dir, *rest)
}

// splitAtZip returns the longest leading part of path that lies on disk; rest is
// what follows a zip file there, or nil if path is a folder.
func splitAtZip(path string) (onDisk string, rest *string, err error) {
	slashed := filepath.ToSlash(path)
	for i := 0; i <= len(slashed); i++ {
		if i < len(slashed) && slashed[i] != '/' {
			continue
		}
		head := slashed[:i]
		if !isZipName(head) || !isFile(head) {
			continue
		}
		tail := strings.Trim(slashed[i:], "/")
		return filepath.FromSlash(head), &tail, nil
	}
	if !isDir(path) {
		return "", nil, fmt.Errorf("archive: open %s: no such folder or zip: %w", path, fs.ErrNotExist)
	}
	return path, nil, nil
}

func isZipName(name string) bool { return strings.EqualFold(filepath.Ext(name), ".zip") }
