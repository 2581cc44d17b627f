// Package jsonscan reads large JSON files value by value, much faster than
// encoding/json and without building what the caller does not need: COCO annotations
// are hundreds of megabytes, mostly skipped. The text is in memory, or is a stream
// read through a small window. Why: docs/decisions/008.
//
// A [Scanner] keeps the first error; from then on every method returns zero
// values, so a caller checks once, at the end. It reads what Python's json module
// writes, including the numbers NaN, Infinity and -Infinity.
//
// Start reading at scan.go; strings and numbers are in value.go.
package jsonscan
