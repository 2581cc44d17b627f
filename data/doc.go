// Package data defines a training or evaluation image ([Sample]), a batch of samples
// for the device ([Batch]) and a data set ([Dataset]). Formats, decoding, transforms
// and the loader are subpackages:
//
//	archive    files of a folder or a zip (also a zip inside a zip), read in place
//	decode     image bytes -> RGB8, label PNG -> ids; its subpackage jpeg decodes JPEG
//	rle        COCO run-length masks and polygons
//	labelmap   images of class labels -> Sample
//	pngmap     id, label and RGB PNGs, decoded without an intermediate image
//	jsonscan   JSON documents of any size, read as a stream
//	coco, ade20k, cityscapes, folder, shapes (generated): one package per format, archive -> Sample
//	formats    the list of formats; each declares a [Format]
//	transform  Sample -> Sample of the training size; geometry of evaluation
//	loader     ordered, seeded, bounded: Dataset -> Batch
//	inspect    contents and problems of a data set, as text and pictures
//
// Data flows archive -> Sample -> Batch. Start reading at sample.go.
package data
