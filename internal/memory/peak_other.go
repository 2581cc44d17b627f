//go:build !linux && !darwin

package memory

// Peak is 0: this system has no reader.
func Peak() int64 { return 0 }
