package appendfile

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAppendToAnExistingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if _, err := Open(path); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(path, []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range []string{"b\n", "c\n"} {
		if err := f.Append([]byte(record)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(path); err != nil || string(raw) != "a\nb\nc\n" {
		t.Errorf("%q, %v", raw, err)
	}
}

// What the system dropped after a failed Sync is written again.
func TestSyncThatFailed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	created, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	f := New(created)
	if err := f.Append([]byte("a\n")); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := f.Append([]byte("b\n")); err != nil {
		t.Fatal(err)
	}
	f.dirty = true // as a failed Sync leaves it
	if err := os.WriteFile(path, []byte("a\n\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Append([]byte("c\n")); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(path); err != nil || string(raw) != "a\nb\nc\n" {
		t.Errorf("%q, %v", raw, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err == nil || !f.dirty {
		t.Errorf("a closed file: %v", err)
	}
}
