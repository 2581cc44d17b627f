package memory

import "syscall"

// Peak is the largest resident memory of this process so far, in bytes; 0 if
// the system does not say.
func Peak() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return usage.Maxrss // bytes on this system
}
