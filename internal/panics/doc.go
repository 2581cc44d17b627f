// Package panics turns panics into errors, which would otherwise end the whole
// program when raised on a goroutine.
package panics
