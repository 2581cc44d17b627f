// Package inspect reads a whole data set and reports what is in it and what is
// wrong with it, and draws samples before and after the training transforms.
//
// Problems are files and records that are broken or contradict each other. Notes
// are what may be intended: classes without objects, EXIF orientations, extreme
// shapes. Start reading at read.go; findings.go gathers, write.go prints,
// samples.go draws.
package inspect
