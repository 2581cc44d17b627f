package backend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestProgramStore(t *testing.T) {
	s := programStore{dir: filepath.Join(t.TempDir(), "programs")}
	t.Setenv("XLA_FLAGS", "")
	if got := s.read("a"); got != nil {
		t.Errorf("read %q of nothing", got)
	}
	s.write("a", []byte("machine code"))
	if got := s.read("a"); string(got) != "machine code" {
		t.Errorf("read %q", got)
	}
	if info, err := os.Stat(s.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v: others could put programs there", info, err)
	}
	t.Setenv("XLA_FLAGS", "--xla_dump_to=x")
	if got := s.read("a"); got != nil {
		t.Error("taken from the store while XLA is to dump what it compiles")
	}
	t.Setenv("XLA_FLAGS", "")
	raw, err := os.ReadFile(s.path("a"))
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-1]++
	write(t, s.path("a"), string(raw))
	if got := s.read("a"); got != nil {
		t.Errorf("read %q of a damaged file", got)
	}
	if _, err := os.Stat(s.path("a")); err == nil {
		t.Error("the damaged file is still there")
	}
	none := programStore{}
	none.write("a", []byte("x"))
	if none.open() || none.read("a") != nil {
		t.Error("a store without a folder keeps programs")
	}
}

// Programs that were not used for longest go first.
func TestProgramStoreTrims(t *testing.T) {
	s := programStore{dir: t.TempDir()}
	for i, key := range []string{"old", "older", "new"} {
		s.write(key, make([]byte, 68)) // 100 bytes with the checksum
		when := time.Now().Add(time.Duration([]int{-2, -3, -1}[i]) * time.Hour)
		if err := os.Chtimes(s.path(key), when, when); err != nil {
			t.Fatal(err)
		}
	}
	s.read("older") // which makes it the newest
	s.trim(250)
	left, _ := filepath.Glob(filepath.Join(s.dir, "*"))
	if text := strings.Join(left, " "); len(left) != 2 || strings.Contains(text, "old.") {
		t.Errorf("left: %s", text)
	}
}

// A program of another plugin, machine, option or flag is another program.
func TestKeysOfPrograms(t *testing.T) {
	h := machine(t, map[string]string{"proc/cpuinfo": "processor: 0\nmodel name: A\nflags: avx\n\nprocessor: 1\nflags: avx\n"})
	other := machine(t, map[string]string{"proc/cpuinfo": "model name: A\nflags: avx avx2\n"})
	if a, b := strings.Join(h.identity(), "\n"), strings.Join(other.identity(), "\n"); a == b || !strings.Contains(a, "model name: A") || strings.Count(a, "avx") != 1 {
		t.Errorf("%q and %q", a, b)
	}
	t.Setenv("XLA_FLAGS", "")
	s := programStore{base: "x"}
	keys := map[string]bool{s.key([]byte("p"), []byte("o")): true, s.key([]byte("po"), nil): true, s.key([]byte("p"), []byte("q")): true,
		programStore{base: "y"}.key([]byte("p"), []byte("o")): true}
	t.Setenv("XLA_FLAGS", "--a")
	keys[s.key([]byte("p"), []byte("o"))] = true
	if len(keys) != 5 {
		t.Errorf("%d different keys, want 5", len(keys))
	}
}

func TestWhereProgramsAreKept(t *testing.T) {
	t.Setenv("EOMT_CACHE", "/cache")
	for value, want := range map[string]string{"": "/cache/programs", "/elsewhere": "/elsewhere", "off": ""} {
		t.Setenv(programsEnv, value)
		if got := newProgramStore("/p.so", "0.1").dir; got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}
