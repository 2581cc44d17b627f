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

// overrides reports whether an override states the value.
func (e *FieldError) overrides() bool { return strings.HasPrefix(e.Source, "-set ") }

// OverrideError reports an override that cannot be applied: the command line is wrong,
// not the file.
type OverrideError struct{ err error }

func (e *OverrideError) Error() string { return e.err.Error() }
func (e *OverrideError) Unwrap() error { return e.err }

// UsageError ends a command with the exit code of a wrong command line.
func (e *OverrideError) UsageError() {}

func fail(field, format string, args ...any) *FieldError {
	return &FieldError{Field: field, Reason: fmt.Sprintf(format, args...)}
}
