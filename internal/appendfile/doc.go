// Package appendfile appends records to a file whole, on a disk that may be full for
// a while.
package appendfile
