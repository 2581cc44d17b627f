//go:build !linux

package backend

// HugePages does nothing: only glibc can be asked for huge pages.
func HugePages() {}
