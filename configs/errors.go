package configs

import (
	"fmt"
	"strings"
)

// FieldError reports an unusable value.
type FieldError struct {
	Source string // who states it: the file, a line of it, or the override
	Field  string // dotted, as -set takes it; empty if it is the whole document
	Reason string
}

func (e *FieldError) Error() string {
	if e.Field == "" || strings.HasPrefix(e.Source, "-set "+e.Field+"=") {
		return e.Source + ": " + e.Reason
	}
	return fmt.Sprintf("%s: %s: %s", e.Source, e.Field, e.Reason)
}

func fail(field, format string, args ...any) *FieldError {
	return &FieldError{Field: field, Reason: fmt.Sprintf(format, args...)}
}
