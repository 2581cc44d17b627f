package torchfile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// legacyMagic is the number 0x1950a86a20f9469cfc6c, little-endian as opcode LONG1 encodes it.
const legacyMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"

// readLegacy reads the format before PyTorch 1.6: the pickles of a magic number,
// a protocol number, facts of the system, the object and the list of its storages'
// keys; then for each key the number of elements and the elements.
func readLegacy(source io.ReaderAt, size int64) (any, error) {
	in := &countingReader{in: bufio.NewReader(io.NewSectionReader(source, 0, size))}
	magic, err := (&unpickler{in: in}).run()
	if err != nil || magic != long(legacyMagic) {
		return nil, errors.New("not a file of torch.save: neither a zip archive nor the legacy format's magic number")
	}
	for range 2 { // protocol, system
		if _, err := (&unpickler{in: in}).run(); err != nil {
			return nil, err
		}
	}
	storages := map[string]*storage{}
	remember := func(s *storage) error {
		if known := storages[s.key]; known != nil {
			return fmt.Errorf("storage %q is described in two ways", s.key)
		}
		storages[s.key] = s
		return nil
	}
	root, err := (&unpickler{in: in, locate: remember}).run()
	if err != nil {
		return nil, err
	}
	keys, err := (&unpickler{in: in}).run()
	if err != nil {
		return nil, err
	}
	list, ok := keys.(*list)
	if !ok {
		return nil, errors.New("the list of storages is missing")
	}
	if err := locateInOrder(list.items, storages, source, in.count, size); err != nil {
		return nil, err
	}
	for _, s := range storages {
		if s.source == nil {
			return nil, fmt.Errorf("storage %q is not in the file", s.key)
		}
	}
	return root, nil
}

// locateInOrder points the storages at their elements, which begin at byte at
// of source and come in the order of keys.
func locateInOrder(keys []any, storages map[string]*storage, source io.ReaderAt, at, size int64) error {
	for _, key := range keys {
		name, _ := key.(string)
		s := storages[name]
		if s == nil {
			return fmt.Errorf("the file has a storage %q that no tensor uses", name)
		}
		var count [8]byte
		if _, err := source.ReadAt(count[:], at); err != nil {
			return fmt.Errorf("storage %q: %w", name, err)
		}
		at += int64(len(count))
		n := binary.LittleEndian.Uint64(count[:])
		if n != uint64(s.elements) {
			return fmt.Errorf("storage %q has %d elements, its tensors say %d", name, n, s.elements)
		}
		bytes := s.elements * int64(s.dtype.Size()) // newStorage has checked this for overflow
		if bytes > size-at {
			return fmt.Errorf("storage %q of %d bytes reaches beyond the end of the file", name, bytes)
		}
		s.source, s.size = io.NewSectionReader(source, at, bytes), bytes
		at += bytes
	}
	return nil
}

// countingReader knows how many bytes were read from it.
type countingReader struct {
	in    *bufio.Reader
	count int64
}

func (c *countingReader) ReadByte() (byte, error) {
	b, err := c.in.ReadByte()
	if err == nil {
		c.count++
	}
	return b, err
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.count += int64(n)
	return n, err
}
