package backend

import (
	"reflect"

	"github.com/gomlx/compute"
)

// Memory is what a compiled program needs on each of its devices while it runs, in
// bytes.
type Memory struct {
	Arguments, Outputs, Temporary int64
	Aliased                       int64 // of the outputs, what lies in the arguments' buffers
}

// Peak is the largest memory of the program, its own code aside.
func (m Memory) Peak() int64 { return m.Arguments + m.Outputs - m.Aliased + m.Temporary }

// MemoryOf is what the compiler of a program's backend reports; false where it
// reports nothing, as that of "go".
//
// go-xla asks PJRT for these figures at every compilation and keeps them where no
// method leads (docs/upstream/go-xla-memory.md), so that they are read by reflection.
func MemoryOf(program compute.Executable) (Memory, bool) {
	figures := reflect.ValueOf(program)
	for _, name := range []string{"exec", "OnDeviceMemoryUsageStats"} {
		if figures = field(figures, name); !figures.IsValid() {
			return Memory{}, false
		}
	}
	var m Memory
	for name, bytes := range map[string]*int64{"Inputs": &m.Arguments, "Outputs": &m.Outputs, "Temporary": &m.Temporary, "Aliases": &m.Aliased} {
		figure := field(figures, name)
		if !figure.IsValid() || !figure.CanInt() {
			return Memory{}, false
		}
		*bytes = figure.Int()
	}
	return m, m.Arguments+m.Outputs+m.Temporary > 0
}

// field is the named field of a struct or of what a pointer leads to; the zero Value
// where there is none.
func field(v reflect.Value, name string) reflect.Value {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return v.FieldByName(name)
}
