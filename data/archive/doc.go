// Package archive reads the files of a data set by name from a folder, a zip, or
// a zip inside a zip. Nothing is unpacked to disk.
//
// A location is one path, which may lead through zips:
//
//	train2017                                              a folder
//	train2017.zip/train2017                                a folder of a zip
//	panoptic.zip/annotations/panoptic_val2017.zip/panoptic_val2017
//
// Start reading at [Source], then [Open].
package archive
