// Package panics turns panics into errors where a goroutine would otherwise end
// the whole program.
package panics
