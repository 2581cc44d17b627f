//go:build cgo && !noxla && (linux || darwin)

package backend

// #cgo linux LDFLAGS: -ldl
// #include <dlfcn.h>
// #include <stdlib.h>
import "C"

import (
	"errors"
	"strings"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"
)

const xlaCompiled = true

// Automatic download is off: it needs hosts that many labs' nodes do not reach
// and ends the process where it fails.
func init() { xla.EnableAutoInstall(false) }

// openLibrary opens a shared library for the rest of the process.
func openLibrary(path string) error {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	library := C.dlopen(name, C.RTLD_LAZY|C.RTLD_LOCAL)
	if library == nil {
		return errors.New(C.GoString(C.dlerror()))
	}
	return intercept(path, library)
}

// openDevices opens a backend that makes so many devices of the processor: an option
// of the plugin that the engine's configuration string has no word for.
func openDevices(config string, n int) (compute.Backend, error) {
	_, plugin, _ := strings.Cut(config, ":")
	b, err := xla.NewWithOptions(plugin, pjrt.NamedValuesMap{"cpu_device_count": int64(n)})
	if err != nil {
		return nil, err
	}
	return b, nil
}
