package data

import "fmt"

// FormatError is a file or record that violates its format. Callers that skip bad
// samples test for it with errors.As.
type FormatError struct {
	Path   string // file, inside its archive where it is in one
	Record string // annotation, segment or field; may be empty
	Reason string // what is wrong and what is expected
}

func (e *FormatError) Error() string {
	if e.Record == "" {
		return fmt.Sprintf("%s: %s", e.Path, e.Reason)
	}
	return fmt.Sprintf("%s: %s: %s", e.Path, e.Record, e.Reason)
}
