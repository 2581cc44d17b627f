// Package images finds image files and reads their bytes: files and folders on
// disk, tar shards as WebDataset has them, and buckets of S3.
// Each has a key, its name in the results without the ending, that no other image of
// the same list has.
//
// Start reading at images.go; disk.go, tar.go and bucket.go are the sources.
package images
