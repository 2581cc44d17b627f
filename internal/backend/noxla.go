//go:build !cgo || noxla || !(linux || darwin)

package backend

import (
	"errors"

	"github.com/gomlx/compute"
)

const xlaCompiled = false

func openLibrary(path string) error { return errors.New(path + ": built without cgo") }

func openDevices(string, int) (compute.Backend, error) { return nil, errors.New("built without cgo") }

// DeviceMemory is not known.
func DeviceMemory(compute.Backend) int64 { return 0 }
