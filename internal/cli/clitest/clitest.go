// Package clitest runs commands in tests.
package clitest

import (
	"context"
	"io"
	"os"
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
