// Package exiftest makes photographs with an EXIF orientation for tests.
package exiftest

import "slices"

// Orient returns a JPEG file that states an EXIF orientation, 1 to 8.
func Orient(jpeg []byte, orientation byte) []byte {
	segment := []byte{0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0,
		'M', 'M', 0, 42, 0, 0, 0, 8, // the header; the directory follows
		0, 1, 1, 18, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, // one entry: tag 274, a short
		0, 0, 0, 0}
	return slices.Insert(slices.Clone(jpeg), 2, segment...)
}
