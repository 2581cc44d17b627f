package archive

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"

	"eomt/data"
)

// zipDir is a Source in a zip: the entries whose name starts with prefix.
type zipDir struct {
	label   string // the zip and the way through it, for messages
	prefix  string // "" or ends in a slash
	entries map[string]*zip.File
	file    *os.File // the outermost zip
}

// openZip opens the folder called inside in the zip file at path; inside may lead
// through further zips, and "" is the top of the zip.
func openZip(path, inside string) (Source, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("archive: %w", err), file.Close())
	}
	src, err := enterZip(file, info.Size(), path, inside)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	src.file = file
	return src, nil
}

// enterZip reads the index of the zip in content, called label in messages, and
// enters a nested zip where inside leads through one.
func enterZip(content io.ReaderAt, size int64, label, inside string) (*zipDir, error) {
	reader, err := zip.NewReader(content, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are looked up, never written
		return nil, &data.FormatError{Path: label, Reason: "not a complete zip file (" + err.Error() + "); fetch it again"}
	}
	reader.RegisterDecompressor(zip.Deflate, flate.NewReader)
	if nested, rest := nestedZip(reader, inside); nested != nil {
		label += "/" + nested.Name
		inner, err := nestedContent(content, nested, label)
		if err != nil {
			return nil, err
		}
		return enterZip(inner, inner.Size(), label, rest)
	}
	return newZipDir(reader, label, inside)
}

// nestedZip returns the entry that is a zip on the way to inside, and what
// follows it there.
func nestedZip(reader *zip.Reader, inside string) (entry *zip.File, rest string) {
	for _, f := range reader.File {
		if tail, on := strings.CutPrefix(inside+"/", f.Name+"/"); on && isZipName(f.Name) {
			return f, strings.Trim(tail, "/")
		}
	}
	return nil, ""
}

// nestedContent gives random access to a zip entry: in place if it is stored,
// in memory if it is compressed.
func nestedContent(outer io.ReaderAt, entry *zip.File, label string) (sizedReaderAt, error) {
	if entry.Method == zip.Store {
		offset, err := entry.DataOffset()
		if err != nil {
			return nil, &data.FormatError{Path: label, Reason: err.Error()}
		}
		return io.NewSectionReader(outer, offset, int64(entry.UncompressedSize64)), nil
	}
	r, err := openEntry(entry, label)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	raw, err := readAll(r, int64(entry.UncompressedSize64))
	if err != nil {
		return nil, err
	}
	return bytes.NewReader(raw), nil
}

type sizedReaderAt interface {
	io.ReaderAt
	Size() int64
}

func newZipDir(reader *zip.Reader, label, inside string) (*zipDir, error) {
	z := &zipDir{label: label, entries: make(map[string]*zip.File, len(reader.File))}
	if inside = path.Clean(inside); inside != "." {
		z.prefix = inside + "/"
	}
	found := z.prefix == ""
	for _, f := range reader.File {
		name := path.Clean(f.Name)
		if !strings.HasPrefix(name+"/", z.prefix) {
			continue
		}
		found = true
		if name != "." && !f.FileInfo().IsDir() {
			z.entries[name] = f
		}
	}
	if !found {
		return nil, fmt.Errorf("archive: open %s/%s: the zip has no such folder: %w", label, inside, fs.ErrNotExist)
	}
	return z, nil
}

func (z *zipDir) Open(name string) (io.ReadCloser, error) {
	entry := z.entries[z.prefix+path.Clean(name)]
	if entry == nil {
		return nil, fmt.Errorf("archive: %w", &fs.PathError{Op: "open", Path: z.Path(name), Err: fs.ErrNotExist})
	}
	return openEntry(entry, z.Path(name))
}

func (z *zipDir) Has(name string) bool { return z.entries[z.prefix+path.Clean(name)] != nil }

func (z *zipDir) Size(name string) int64 {
	if entry := z.entries[z.prefix+path.Clean(name)]; entry != nil {
		return int64(entry.UncompressedSize64)
	}
	return -1
}

func (z *zipDir) Names(dir string) ([]string, error) {
	prefix := z.prefix
	if dir = path.Clean(dir); dir != "." {
		prefix += dir + "/"
	}
	var names []string
	for name := range z.entries {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name[len(z.prefix):])
		}
	}
	if names == nil {
		return nil, fmt.Errorf("archive: list %s: no such folder: %w", z.Path(dir), fs.ErrNotExist)
	}
	slices.Sort(names)
	return names, nil
}

func (z *zipDir) Path(name string) string { return z.label + "/" + path.Join(z.prefix, name) }

func (z *zipDir) Close() error {
	if err := z.file.Close(); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

// openEntry streams a zip entry; read errors name it as label.
func openEntry(entry *zip.File, label string) (io.ReadCloser, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, &data.FormatError{Path: label, Reason: err.Error()}
	}
	return &entryReader{r, int64(entry.UncompressedSize64), label}, nil
}

type entryReader struct {
	io.ReadCloser
	size  int64
	label string
}

func (r *entryReader) Size() int64 { return r.size }

func (r *entryReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	switch {
	case err == nil, err == io.EOF:
		return n, err
	case errors.As(err, new(*fs.PathError)): // an I/O error, not a damaged file
		return n, fmt.Errorf("archive: read %s: %w", r.label, err)
	case errors.Is(err, zip.ErrChecksum):
		return n, &data.FormatError{Path: r.label, Reason: "its checksum (CRC-32) does not match its content; fetch the archive again"}
	}
	return n, &data.FormatError{Path: r.label, Reason: "cannot be unpacked: " + err.Error()}
}
