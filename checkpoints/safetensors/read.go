package safetensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"eomt/checkpoints/tensor"
)

// File is an open safetensors file. Its tensors read their bytes from it on
// demand, also from several goroutines, until it is closed.
type File struct {
	Tensors  []tensor.Tensor   // in the order of their bytes
	Metadata map[string]string // nil if the file has none

	file *os.File
}

// Open reads and checks the header of a safetensors file. Errors name the file.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("not a regular file")
	}
	var f *File
	if err == nil {
		f, err = read(file, info.Size(), path)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("safetensors: read %s: %w", path, err)
	}
	f.file = file
	return f, nil
}

// read parses the file behind source; its tensors read from source later on.
func read(source io.ReaderAt, size int64, path string) (*File, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return nil, fmt.Errorf("%d bytes are too few for a safetensors file", size)
	}
	if _, err := source.ReadAt(prefix[:], 0); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	if length > maxHeader || int64(length) > size-8 {
		return nil, fmt.Errorf("header of %d bytes in a file of %d: not a safetensors file, or truncated", length, size)
	}
	header := make([]byte, length)
	if _, err := source.ReadAt(header, 8); err != nil && length > 0 {
		return nil, err
	}
	start := 8 + int64(length)
	records, metadata, err := parseHeader(header, size-start)
	if err != nil {
		return nil, err
	}
	f := &File{Metadata: metadata, Tensors: make([]tensor.Tensor, len(records))}
	for i, r := range records {
		f.Tensors[i] = tensor.Streamed(r.name, r.dtype, r.shape, func(dst []byte) error {
			if len(dst) == 0 {
				return nil
			}
			if _, err := source.ReadAt(dst, start+r.begin); err != nil {
				return fmt.Errorf("safetensors: read %s: tensor %s: %w", path, r.name, err)
			}
			return nil
		})
	}
	return f, nil
}

// Close closes the file; tensors not yet read fail from then on.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}
