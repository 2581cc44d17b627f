//go:build !cgo

package ort

import "errors"

var errNoCgo = errors.New("ort: this program was built without cgo, which ONNX Runtime needs: build it with CGO_ENABLED=1 and a C compiler")

// Session is an open file; without cgo there is none.
type Session struct {
	Device   string
	Metadata map[string]string
}

// Open fails.
func Open(string, Provider, string, []string) (*Session, error) { return nil, errNoCgo }

// Run fails.
func Run[T float32 | uint8](*Session, []T, []int, func([][]float32) error) error { return errNoCgo }

// Close does nothing.
func (s *Session) Close() error { return nil }
