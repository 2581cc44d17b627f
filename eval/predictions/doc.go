// Package predictions writes segmentations to a folder in the official formats and
// reads them back:
//
//	panoptic   panoptic.json with the PNG maps in panoptic/ (COCO panoptic results)
//	instance   instances.json (COCO results list)
//	semantic   labels/, PNGs of the data set's own ids
//
// Each image's files are written when it is ready; the caller keeps its entry in the
// JSON file, if any, until [Folder.Finish] ([Spool] keeps entries on disk). Class ids
// are those of the class table, never contiguous indices.
//
// Start reading at folder.go; list.go writes the JSON files, read.go reads back.
package predictions
