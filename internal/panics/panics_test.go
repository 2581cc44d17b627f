package panics

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestRecover(t *testing.T) {
	if err := Recover(func() error { return nil }); err != nil {
		t.Error(err)
	}
	if err := Recover(func() error { return io.EOF }); err != io.EOF {
		t.Error(err)
	}
	err := Recover(func() error { panic("shapes differ") })
	var fault *Error
	if !errors.As(err, &fault) || err.Error() != "internal fault, please report it: shapes differ" {
		t.Fatalf("%v", err)
	}
	if !strings.Contains(string(fault.Stack), "TestRecover") {
		t.Errorf("stack is of another goroutine:\n%s", fault.Stack)
	}
	if again := Recover(func() error { panic(fault) }); again != err {
		t.Errorf("passed on: %v", again)
	}
	if err := Recover(func() error { panic(io.EOF) }); !errors.Is(err, io.EOF) {
		t.Errorf("an error as value: %v", err)
	}
}
