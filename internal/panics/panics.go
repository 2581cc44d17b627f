package panics

import (
	"fmt"
	"runtime/debug"
)

// Error is a panic that was recovered. Its text is one line; the stack is kept
// apart.
type Error struct {
	Value any
	Stack []byte // of the goroutine that panicked
}

func (e *Error) Error() string { return fmt.Sprintf("internal fault, please report it: %v", e.Value) }

// Unwrap gives the value where it is an error.
func (e *Error) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Recover calls f and returns its error, or an *[Error] where it panics. A panic
// with an *Error, passed on from another goroutine, keeps its first stack.
func Recover(f func() error) (err error) {
	defer func() {
		switch value := recover().(type) {
		case nil:
		case *Error:
			err = value
		default:
			err = &Error{Value: value, Stack: debug.Stack()}
		}
	}()
	return f()
}
