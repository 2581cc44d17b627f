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

// File is the tensors of a file or folder as they are there, whether or not they
// make a model. They can be read until Close.
type File struct {
	Tensors []tensor.Tensor
	io.Closer
}

// OpenFile opens what [Open] does without asking for a whole model.
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

// ByOurNames gives a file's tensors by this project's names as far as its format,
// which comes with them, has such names: parameters by theirs, tensors that are
// no parameters or no whole ones as they are called in the file. The format is
// empty, and the tensors are those of the file, where it is not known.
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
