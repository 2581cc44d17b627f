// Package inspect reads a whole data set, reports its contents and problems, and
// draws samples before and after the training transforms.
//
// Problems are broken or contradictory files and records. Notes may be intended:
// classes without objects, EXIF orientations, extreme shapes. Start reading at
// read.go; findings.go collects, write.go prints, samples.go draws.
package inspect
