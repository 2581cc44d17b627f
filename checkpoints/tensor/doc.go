// Package tensor is the common type of the checkpoint packages: a named array with
// element type and shape whose bytes are read only on demand, so that a file of many
// gigabytes is converted, renamed or copied with one tensor in memory at a time.
//
// Start reading at tensor.go; dtype.go lists the element types, convert.go
// turns stored numbers into float32 and back.
package tensor
