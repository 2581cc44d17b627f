//go:build !linux

package memory

// Available is 0: this system has no reader.
func Available() int64 { return 0 }
