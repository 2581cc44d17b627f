package checkpoints

import (
	"fmt"
	"slices"
	"strings"

	"eomt/arch"
	"eomt/checkpoints/tensor"
)

// ShapeMismatch is a tensor whose shape is not the model's.
type ShapeMismatch struct {
	Name       string
	Have, Want []int
}

// MismatchError is a file of weights that does not fit a model, name by name.
type MismatchError struct {
	Missing    []string // the model's, not in the file
	Unexpected []string // in the file, not the model's
	Shape      []ShapeMismatch
}

func (e *MismatchError) Error() string {
	var parts []string
	if len(e.Missing) > 0 {
		parts = append(parts, fmt.Sprintf("%d missing (%s)", len(e.Missing), abbreviate(e.Missing)))
	}
	if len(e.Unexpected) > 0 {
		parts = append(parts, fmt.Sprintf("%d unexpected (%s)", len(e.Unexpected), abbreviate(e.Unexpected)))
	}
	if len(e.Shape) > 0 {
		shapes := make([]string, len(e.Shape))
		for i, s := range e.Shape {
			shapes[i] = fmt.Sprintf("%s is %v, want %v", s.Name, s.Have, s.Want)
		}
		parts = append(parts, fmt.Sprintf("%d of another shape (%s)", len(shapes), abbreviate(shapes)))
	}
	return "checkpoints: the weights do not fit the model: " + strings.Join(parts, "; ")
}

// abbreviate joins up to four items and counts the rest.
func abbreviate(items []string) string {
	const shown = 4
	if len(items) <= shown {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s, and %d more", strings.Join(items[:shown], ", "), len(items)-shown)
}

// HasPrefix reports whether a name begins with one of the prefixes.
func HasPrefix(prefixes []string) func(name string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	}
}

// Match compares have with what a model wants and returns the tensors in the
// order of want. Both sides must have the same names and shapes, or the error is a
// [MismatchError] with all differences. allowNew are prefixes of names that may start
// from scratch: such a parameter that is missing or of another shape is omitted from
// the result and listed in fresh, and such a tensor unknown to the model is ignored.
func Match(want []arch.Tensor, have []tensor.Tensor, allowNew []string) (matched []tensor.Tensor, fresh []string, err error) {
	mayBeNew := HasPrefix(allowNew)
	index := tensor.ByName(have)
	wanted := make(map[string]bool, len(want))
	mismatch := &MismatchError{}
	for _, spec := range want {
		wanted[spec.Name] = true
		t, ok := index[spec.Name]
		switch {
		case ok && slices.Equal(t.Shape, spec.Shape):
			matched = append(matched, t)
		case mayBeNew(spec.Name):
			fresh = append(fresh, spec.Name)
		case ok:
			mismatch.Shape = append(mismatch.Shape, ShapeMismatch{spec.Name, t.Shape, spec.Shape})
		default:
			mismatch.Missing = append(mismatch.Missing, spec.Name)
		}
	}
	for _, t := range have {
		if !wanted[t.Name] && !mayBeNew(t.Name) {
			mismatch.Unexpected = append(mismatch.Unexpected, t.Name)
		}
	}
	if len(mismatch.Missing)+len(mismatch.Unexpected)+len(mismatch.Shape) > 0 {
		return nil, nil, mismatch
	}
	return matched, fresh, nil
}
