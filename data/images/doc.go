// Package images finds image files and reads their bytes: files and folders on disk.
// Each has a key, its name in the results without the ending, that no other image of
// the same list has.
//
// Start reading at images.go.
package images
