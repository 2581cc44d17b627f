//go:build cgo && !noxla && (linux || darwin)

package backend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
)

// onCPU opens xla:cpu, with programs kept in a folder of the test.
func onCPU(t *testing.T) (compute.Backend, string) {
	t.Helper()
	if !HasPlugin("cpu") {
		t.Skip("no PJRT plugin here: `make setup` fetches it")
	}
	t.Setenv("XLA_FLAGS", os.Getenv("XLA_FLAGS"))
	b, err := Open(Choice{Name: "xla:cpu"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i := range intercepted.plugins {
		before := intercepted.plugins[i].programs
		t.Cleanup(func() { intercepted.plugins[i].programs = before })
		intercepted.plugins[i].programs = programStore{dir: dir}
	}
	return b, dir
}

// total is computed by a program that is compiled for it.
func total(t *testing.T, b compute.Backend) float32 {
	t.Helper()
	exec := MustNewExec(b, func(x *Node) *Node { return ReduceAllSum(Mul(x, x)) }).WithName("probe")
	defer exec.Finalize()
	out, err := exec.Call([]float32{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Value().(float32)
}

// A program is compiled once; later it is loaded, unless what was kept is not one.
func TestProgramsAreKept(t *testing.T) {
	b, dir := onCPU(t)
	for i, want := range []struct{ compiled, loaded int }{{1, 0}, {0, 1}, {1, 0}} {
		if i == 2 {
			files, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil || len(files) != 1 {
				t.Fatalf("kept %v, %v", files, err)
			}
			s := programStore{dir: dir}
			s.write(strings.TrimSuffix(filepath.Base(files[0]), ".program"), []byte("no program"))
		}
		compiled, loaded, _ := Compilations()
		if got := total(t, b); got != 14 {
			t.Errorf("1+4+9 = %v", got)
		}
		c, l, took := Compilations()
		if c-compiled != want.compiled || l-loaded != want.loaded || took <= 0 {
			t.Errorf("start %d: %d compiled, %d loaded; want %+v", i, c-compiled, l-loaded, want)
		}
	}
}

// Flags of a program reach XLA, which knows their names.
func TestFlagsReachXLA(t *testing.T) {
	b, _ := onCPU(t)
	t.Setenv(flagsEnv, "probe: --xla_cpu_enable_fast_math=false --xla_backend_optimization_level=1")
	if got := total(t, b); got != 14 {
		t.Errorf("1+4+9 = %v", got)
	}
	t.Setenv(flagsEnv, "probe: --xla_no_such_flag=1")
	exec := MustNewExec(b, func(x *Node) *Node { return Neg(x) }).WithName("probe")
	defer exec.Finalize()
	if _, err := exec.Call([]float32{1}); err == nil || !strings.Contains(err.Error(), "xla_no_such_flag") {
		t.Errorf("%v, want an error that names the flag", err)
	}
}

// The processor's plugin does not state its memory.
func TestDeviceMemory(t *testing.T) {
	b, _ := onCPU(t)
	if got := DeviceMemory(b); got != 0 {
		t.Errorf("%d bytes", got)
	}
	if got := DeviceMemory(nil); got != 0 {
		t.Errorf("%d bytes of no backend", got)
	}
}
