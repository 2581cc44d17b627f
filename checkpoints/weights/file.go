package weights

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"eomt/checkpoints"
	"eomt/checkpoints/names"
	"eomt/checkpoints/tensor"
)

// File is the tensors of a file or folder as stored, whether or not they form a
// model. They can be read until Close.
type File struct {
	Tensors []tensor.Tensor
	io.Closer
}

// OpenFile opens the formats of [Open] without requiring a complete model.
func OpenFile(path string) (*File, error) {
	s, err := openSource(path)
	if errors.Is(err, ErrNoWeights) {
		loaded, nativeErr := checkpoints.LoadParams(path)
		if nativeErr == nil {
			return &File{loaded.Params, loaded}, nil
		}
		if !errors.Is(nativeErr, checkpoints.ErrNone) {
			err = nativeErr
		}
	}
	if err != nil {
		return nil, fmt.Errorf("weights: open %s: %w", path, err)
	}
	return &File{s.tensors, s.files}, nil
}

// ByOurNames returns a file's tensors and its format: parameters by this project's
// names, other tensors and incomplete parameters by their names in the file. If the
// format is unknown it is empty, and the tensors are those of the file.
func (f *File) ByOurNames() (parameters, others []tensor.Tensor, format names.Format, err error) {
	table, ok := names.Detect(f.Tensors)
	if !ok {
		return f.Tensors, nil, "", nil
	}
	reading, err := table.Read(f.Tensors)
	if err != nil {
		return nil, nil, "", err
	}
	var read []string
	for _, pair := range reading.Pairs {
		read = append(read, pair.Theirs...)
	}
	others = slices.DeleteFunc(slices.Clone(f.Tensors), func(t tensor.Tensor) bool {
		return slices.Contains(read, t.Name) || t.Elements() == 0 // such as no register tokens
	})
	return reading.Tensors, others, table.Format, nil
}
