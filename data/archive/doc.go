// Package archive reads the files of a data set by name, wherever they lie: in a
// folder, in a zip, or in a zip inside a zip. Nothing is unpacked to disk.
//
// A place is written as one path that may lead through zips:
//
//	train2017                                              a folder
//	train2017.zip/train2017                                a folder of a zip
//	panoptic.zip/annotations/panoptic_val2017.zip/panoptic_val2017
//
// Start reading at [Source], then [Open].
package archive
