//go:build cgo && !noxla && (linux || darwin)

package backend

// #cgo linux LDFLAGS: -ldl
// #include <dlfcn.h>
// #include <stdlib.h>
import "C"

import (
	"errors"
	"unsafe"

	"github.com/gomlx/go-xla/compute/xla"
)

const xlaCompiled = true

// Automatic download is off: it needs hosts that many labs' nodes do not reach
// and ends the process where it fails.
func init() { xla.EnableAutoInstall(false) }

// openLibrary opens a shared library for the rest of the process.
func openLibrary(path string) error {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	if C.dlopen(name, C.RTLD_LAZY|C.RTLD_LOCAL) == nil {
		return errors.New(C.GoString(C.dlerror()))
	}
	return nil
}
