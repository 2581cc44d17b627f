// Package clitest runs commands in tests.
package clitest

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Output calls a command's run function and returns what it printed on standard
// output with its error.
func Output(t *testing.T, run func(ctx context.Context, args []string) error, args ...string) (string, error) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = stdout }()
	printed := make(chan string)
	go func() {
		text, _ := io.ReadAll(r)
		printed <- string(text)
	}()
	err = run(t.Context(), args)
	w.Close()
	return <-printed, err
}

// SameFiles holds the files below dir against those below want, but for those of a
// name, and returns how many were compared.
func SameFiles(t *testing.T, dir, want, except string) (compared int) {
	t.Helper()
	err := filepath.WalkDir(want, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == except {
			return err
		}
		name, err := filepath.Rel(want, path)
		if err != nil {
			return err
		}
		expected, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(got, expected) {
			t.Errorf("%s differs (%v)", name, err)
		}
		compared++
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return compared
}
