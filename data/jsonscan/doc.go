// Package jsonscan reads large JSON files value by value, several times faster
// than encoding/json and without building what nobody asks for: COCO
// annotations are hundreds of megabytes of which most is skipped. The text is in
// memory, or comes as a stream of which a small window is held.
//
// A [Scanner] keeps the first error, after which every method returns zero
// values, so that a reader checks once at its end. It reads what Python's json
// module writes, which includes the numbers NaN, Infinity and -Infinity.
//
// Start reading at scan.go; strings and numbers are in value.go.
package jsonscan
