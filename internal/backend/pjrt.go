//go:build cgo && !noxla && (linux || darwin)

package backend

// #include "pjrt.h"
// #include <stdlib.h>
import "C"

import (
	"fmt"
	"reflect"
	"sync"
	"time"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/pjrt"
)

// The engine offers neither options for one program's compilation, nor compiled programs
// as bytes, nor the memory of a device. PJRT has all three (docs/decisions/014): the engine is given a copy of
// a plugin's table of functions in which "compile" is pjrtCompileIn.

// intercepted are plugins whose compilations pass through pjrtCompileIn, by slot.
var intercepted struct {
	sync.Mutex
	plugins []interceptedPlugin
}

type interceptedPlugin struct {
	path     string
	table    *C.pjrtTable
	programs programStore
}

// intercept registers an open plugin with the engine under its path. One whose table
// is of another version stays as it is: the engine then opens it by itself.
func intercept(path string, library unsafe.Pointer) error {
	intercepted.Lock()
	defer intercepted.Unlock()
	for _, p := range intercepted.plugins {
		if p.path == path {
			return nil
		}
	}
	table, slot := C.pjrtTableOf(library), len(intercepted.plugins)
	if table == nil || table.version.major != 0 || table.size < C.sizeof_pjrtTable || slot == C.pjrtSlots {
		return nil
	}
	copied := C.pjrtIntercept(table, C.int(slot))
	if copied == nil {
		return nil
	}
	version := fmt.Sprintf("%d.%d", table.version.major, table.version.minor)
	intercepted.plugins = append(intercepted.plugins, interceptedPlugin{path, table, newProgramStore(path, version)})
	return pjrt.RegisterPreloadedPlugin(path, uintptr(unsafe.Pointer(copied)))
}

// pluginOf finds an intercepted plugin.
func pluginOf(is func(slot int, p interceptedPlugin) bool) (interceptedPlugin, bool) {
	intercepted.Lock()
	defer intercepted.Unlock()
	for slot, p := range intercepted.plugins {
		if is(slot, p) {
			return p, true
		}
	}
	return interceptedPlugin{}, false
}

// pjrtCompileIn is PJRT_Client_Compile of the plugin in a slot. It takes a program from
// the store, or compiles it with the options that it needs and keeps it. It returns
// the plugin's error.
//
//export pjrtCompileIn
func pjrtCompileIn(slot C.int, a *C.pjrtCompile) unsafe.Pointer {
	p, _ := pluginOf(func(i int, _ interceptedPlugin) bool { return i == int(slot) })
	code := unsafe.Slice((*byte)(unsafe.Pointer(a.program.code)), int(a.program.codeSize))
	options := unsafe.Slice((*byte)(unsafe.Pointer(a.options)), int(a.optionsSize))
	if flags := flagsOf(programName(code)); len(flags) > 0 {
		options = withFlags(options, flags)
		given, size := a.options, a.optionsSize
		a.options, a.optionsSize = (*C.char)(C.CBytes(options)), C.size_t(len(options))
		defer func() {
			C.free(unsafe.Pointer(a.options))
			a.options, a.optionsSize = given, size
		}()
	}
	key := p.programs.key(code, options)
	if p.load(key, a) {
		return nil
	}
	start := time.Now()
	if err := C.pjrtCallCompile(p.table, a); err != nil {
		return err
	}
	took := time.Since(start)
	compilations.add(took)
	if took >= p.programs.least {
		p.keep(key, a.executable)
	}
	return nil
}

// load makes the executable of a program that was kept, if there is one.
func (p interceptedPlugin) load(key string, a *C.pjrtCompile) bool {
	kept := p.programs.read(key)
	if len(kept) == 0 {
		return false
	}
	if !C.pjrtCallLoad(p.table, a, (*C.char)(unsafe.Pointer(&kept[0])), C.size_t(len(kept))) {
		p.programs.remove(key)
		return false
	}
	compilations.loaded.Add(1)
	return true
}

// keep stores an executable, where the plugin can serialise it.
func (p interceptedPlugin) keep(key string, executable unsafe.Pointer) {
	if !p.programs.open() {
		return
	}
	var s C.pjrtSerialize
	if !C.pjrtCallSerialize(p.table, executable, &s) {
		return
	}
	defer C.pjrtRelease(&s)
	p.programs.write(key, unsafe.Slice((*byte)(unsafe.Pointer(s.bytes)), int(s.count)))
}

// DeviceMemory is how many bytes the first device of a backend can hold for programs,
// as its plugin reports it; 0 where it does not, as the processor's does not.
func DeviceMemory(b compute.Backend) int64 {
	// The engine keeps the client where no method leads.
	client := reflect.ValueOf(b)
	for _, name := range []string{"client", "client", "c"} {
		client = field(client, name)
	}
	path := field(reflect.ValueOf(b), "pluginName")
	if client.Kind() != reflect.Pointer || path.Kind() != reflect.String {
		return 0
	}
	p, ok := pluginOf(func(_ int, p interceptedPlugin) bool { return p.path == path.String() })
	if !ok {
		return 0
	}
	return int64(C.pjrtDeviceMemory(p.table, client.UnsafePointer()))
}
