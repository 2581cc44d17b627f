package appendfile

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"eomt/internal/disk"
)

// On a real disk that is full, a record that does not fit leaves nothing, and is
// appended once there is space.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("mounting a tmpfs needs more rights: %v", err)
	}
	defer syscall.Unmount(dir, 0)
	path := filepath.Join(dir, "log")
	created, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	f := New(created)
	defer f.Close()
	first, second := []byte("first\n"), []byte(strings.Repeat("x", 50<<10)+"\n")
	if err := f.Append(first); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 40<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Append(second); !disk.Full(err) {
		t.Fatalf("%v, want a full disk", err)
	}
	if raw, err := os.ReadFile(path); err != nil || !bytes.Equal(raw, first) {
		t.Errorf("left %d bytes, %v", len(raw), err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := f.Append(second); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(path); err != nil || !bytes.Equal(raw, append(first, second...)) {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
}
