package torchfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"eomt/checkpoints/tensor"
)

// File is an open torch file. Its tensors read their bytes from it on demand,
// also from several goroutines, until it is closed.
type File struct {
	Tensors []tensor.Tensor // in the order of the file's table

	file *os.File
}

// stateDictKey is where training checkpoints keep the table of tensors that
// weight files hold at the top.
const stateDictKey = "state_dict"

// Open reads the table of tensors of a file written by torch.save: a dict of
// name to tensor, or a dict with such a one under "state_dict". Errors name the file.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("torchfile: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	var tensors []tensor.Tensor
	if err == nil {
		tensors, err = read(file, info.Size())
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("torchfile: read %s: %w", path, err)
	}
	return &File{Tensors: tensors, file: file}, nil
}

// Close closes the file; tensors not yet read fail from then on.
func (f *File) Close() error { return f.file.Close() }

// read distinguishes the two formats and lists the tensors in source.
func read(source io.ReaderAt, size int64) ([]tensor.Tensor, error) {
	var start [4]byte
	if n, err := source.ReadAt(start[:], 0); n < len(start) {
		return nil, fmt.Errorf("not a file of torch.save: %w", err)
	}
	var root any
	var err error
	if bytes.Equal(start[:], []byte("PK\x03\x04")) {
		root, err = readZip(source, size)
	} else {
		root, err = readLegacy(source, size)
	}
	if err != nil {
		return nil, err
	}
	return stateDict(root)
}

// stateDict lists the tensors of an unpickled table.
func stateDict(root any) ([]tensor.Tensor, error) {
	table, ok := root.(*dict)
	if !ok {
		return nil, errors.New("the file holds no dict of tensors")
	}
	if inner, ok := table.get(stateDictKey).(*dict); ok {
		table = inner
	}
	tensors := make([]tensor.Tensor, 0, len(table.keys))
	seen := map[string]bool{}
	for i, key := range table.keys {
		name, ok := key.(string)
		if !ok {
			return nil, errors.New("the dict of tensors has a key that is not a string")
		}
		view, ok := table.values[i].(*view)
		if !ok {
			return nil, fmt.Errorf("entry %q is not a tensor", name)
		}
		if seen[name] {
			return nil, fmt.Errorf("duplicate entry %q", name)
		}
		seen[name] = true
		t, err := view.tensor(name)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		tensors = append(tensors, t)
	}
	return tensors, nil
}
