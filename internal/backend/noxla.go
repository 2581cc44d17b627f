//go:build !cgo || noxla || !(linux || darwin)

package backend

import "errors"

const xlaCompiled = false

func openLibrary(path string) error { return errors.New(path + ": built without cgo") }
