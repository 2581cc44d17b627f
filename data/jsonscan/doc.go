// Package jsonscan reads large JSON files value by value, several times faster
// than encoding/json and without building what nobody asks for: COCO
// annotations are hundreds of megabytes of which most is skipped.
//
// A [Scanner] keeps the first error, after which every method returns zero
// values, so that a reader checks once at its end. It reads what Python's json
// module writes, which includes the numbers NaN, Infinity and -Infinity.
package jsonscan
