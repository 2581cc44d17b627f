package torchfile

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// readZip unpickles DIR/data.pkl of a zip archive and points every storage at
// its entry DIR/data/KEY, which is stored uncompressed.
func readZip(source io.ReaderAt, size int64) (any, error) {
	archive, err := zip.NewReader(source, size)
	if err != nil {
		return nil, err
	}
	entries := map[string]*zip.File{}
	folder := ""
	for _, entry := range archive.File {
		if entries[entry.Name] != nil {
			return nil, fmt.Errorf("duplicate entry %q", entry.Name)
		}
		entries[entry.Name] = entry
		if prefix, ok := strings.CutSuffix(entry.Name, "data.pkl"); ok && strings.Count(entry.Name, "/") <= 1 {
			folder = prefix
		}
	}
	program := entries[folder+"data.pkl"]
	if program == nil {
		return nil, errors.New("no data.pkl in the archive: not a file of torch.save")
	}
	if err := checkByteOrder(entries[folder+"byteorder"], source, size); err != nil {
		return nil, err
	}
	section, err := stored(program, source, size)
	if err != nil {
		return nil, err
	}
	locate := func(s *storage) error {
		entry := entries[folder+"data/"+s.key]
		if entry == nil {
			return fmt.Errorf("storage %q is not in the archive", s.key)
		}
		section, err := stored(entry, source, size)
		if err != nil {
			return err
		}
		s.source, s.size = section, section.Size()
		return nil
	}
	machine := &unpickler{in: bufio.NewReader(section), locate: locate}
	return machine.run()
}

// stored is the bytes of an uncompressed entry.
func stored(entry *zip.File, source io.ReaderAt, size int64) (*io.SectionReader, error) {
	if entry.Method != zip.Store {
		return nil, fmt.Errorf("entry %q is compressed; torch.save never does that", entry.Name)
	}
	start, err := entry.DataOffset()
	if err != nil {
		return nil, fmt.Errorf("entry %q: %w", entry.Name, err)
	}
	if start < 0 || start > size || entry.UncompressedSize64 > uint64(size-start) {
		return nil, fmt.Errorf("entry %q reaches beyond the end of the file", entry.Name)
	}
	return io.NewSectionReader(source, start, int64(entry.UncompressedSize64)), nil
}

// checkByteOrder fails on a file written by a big-endian machine; files of
// older PyTorch do not say and are little-endian.
func checkByteOrder(entry *zip.File, source io.ReaderAt, size int64) error {
	if entry == nil {
		return nil
	}
	section, err := stored(entry, source, size)
	if err != nil {
		return err
	}
	order := make([]byte, min(section.Size(), 16))
	if _, err := io.ReadFull(section, order); err != nil {
		return err
	}
	if string(order) != "little" {
		return fmt.Errorf("byte order is %q, only little is supported", order)
	}
	return nil
}
