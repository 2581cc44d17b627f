package backend

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"eomt/internal/atomicfile"
)

// worthKeeping is the time to compile from which programs are kept on disk.
const worthKeeping = 2 * time.Second

// mostKept is how many bytes of programs are kept; those not used for longest go first.
const mostKept = 4 << 30

// programsEnv names the folder of compiled programs; "off" keeps none.
const programsEnv = "EOMT_PROGRAMS"

// programStore keeps compiled programs between processes. What it cannot read or write
// is compiled.
type programStore struct {
	dir   string        // empty keeps none
	base  string        // what programs depend on besides their text and options
	least time.Duration // to compile, for a program to be kept
}

// newProgramStore is the store for the programs of a plugin on this machine.
func newProgramStore(plugin, version string) programStore {
	dir := os.Getenv(programsEnv)
	switch dir {
	case "off":
		return programStore{}
	case "":
		dir = filepath.Join(filepath.Dir(CacheDir()), "programs")
	}
	base := []string{version, plugin}
	if info, err := os.Stat(plugin); err == nil {
		base = append(base, fmt.Sprint(info.Size(), info.ModTime().UnixNano()))
	}
	return programStore{dir, strings.Join(append(base, thisHost.identity()...), "\n"), worthKeeping}
}

// identity is what machine code depends on: processor and graphics cards with their
// driver.
func (h host) identity() []string {
	var lines []string
	for line := range strings.Lines(trimmed(filepath.Join(h.root, "proc/cpuinfo"))) {
		key, _, _ := strings.Cut(line, ":")
		if key = strings.TrimSpace(key); key == "model name" || key == "flags" || key == "Features" {
			lines = append(lines, line)
		}
		if key == "flags" || key == "Features" {
			break // of the first processor
		}
	}
	lines = append(lines, h.driver())
	for _, card := range h.glob("proc/driver/nvidia/gpus/*/information") {
		lines = append(lines, trimmed(card))
	}
	return append(lines, h.getenv("CUDA_VISIBLE_DEVICES"))
}

// open says whether programs are kept. Where XLA is asked to dump what it compiles,
// everything has to be compiled.
func (s programStore) open() bool {
	return s.dir != "" && !strings.Contains(os.Getenv("XLA_FLAGS"), "--xla_dump")
}

// key names a program compiled with options.
func (s programStore) key(program, options []byte) string {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(s.base), []byte(os.Getenv("XLA_FLAGS")), options, program} {
		fmt.Fprintf(h, "%d\n", len(part))
		h.Write(part)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func (s programStore) path(key string) string { return filepath.Join(s.dir, key+".program") }

// read returns a program that was kept, nil where there is none.
func (s programStore) read(key string) []byte {
	if !s.open() {
		return nil
	}
	path := s.path(key)
	content, err := os.ReadFile(path)
	if err != nil || len(content) < sha256.Size {
		return nil
	}
	program := content[sha256.Size:]
	if sum := sha256.Sum256(program); !slices.Equal(sum[:], content[:sha256.Size]) {
		s.remove(key)
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // it then goes earlier than it had to
	return program
}

// write keeps a program, and drops the ones not used for longest beyond mostKept.
func (s programStore) write(key string, program []byte) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return
	}
	sum := sha256.Sum256(program)
	if err := atomicfile.WriteBytes(s.path(key), append(sum[:], program...)); err == nil {
		s.trim(mostKept)
	}
}

func (s programStore) remove(key string) { _ = os.Remove(s.path(key)) } // at worst it is found again

// trim drops programs until so many bytes are left at most.
func (s programStore) trim(most int64) {
	paths, _ := filepath.Glob(filepath.Join(s.dir, "*.program"))
	var kept []os.FileInfo
	var size int64
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			kept, size = append(kept, info), size+info.Size()
		}
	}
	slices.SortFunc(kept, func(a, b os.FileInfo) int { return cmp.Compare(a.ModTime().UnixNano(), b.ModTime().UnixNano()) })
	for _, oldest := range kept {
		if size <= most {
			return
		}
		_ = os.Remove(filepath.Join(s.dir, oldest.Name()))
		size -= oldest.Size()
	}
}

// compilations counts what this process has compiled.
var compilations compilationCount

type compilationCount struct{ compiled, loaded, nanoseconds atomic.Int64 }

func (c *compilationCount) add(took time.Duration) {
	c.compiled.Add(1)
	c.nanoseconds.Add(int64(took))
}

// Compilations are the programs that this process has compiled with XLA, the time
// that took, and those that it has loaded instead, compiled by an earlier process.
func Compilations() (compiled, loaded int, took time.Duration) {
	return int(compilations.compiled.Load()), int(compilations.loaded.Load()), time.Duration(compilations.nanoseconds.Load())
}
