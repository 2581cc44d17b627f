// Package tensor is the currency of the checkpoint rooms: a named array that
// says its element type and shape at once and reads its bytes only when asked,
// so that a file of many gigabytes is converted, renamed or copied with one
// tensor in memory at a time.
//
// Start reading at tensor.go; dtype.go lists the element types, convert.go
// turns stored numbers into float32 and back.
package tensor
