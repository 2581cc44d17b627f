// Package data holds what one training or evaluation image is ([Sample]), how
// samples of one size travel to the device ([Batch]), and what a data set
// offers ([Dataset]). Formats, decoding, transforms and the loader live in the
// rooms below it:
//
//	archive    files of a folder or a zip (also a zip inside a zip), read in place
//	decode     image bytes -> RGB8, label PNG -> ids; its jpeg room decodes JPEG
//	rle        COCO run-length masks and polygons
//	labelmap   images of class labels -> Sample
//	pngmap     id, label and RGB PNGs, decoded without an image between
//	jsonscan   JSON documents of any size, read as a stream
//	coco, ade20k, cityscapes, folder, shapes (generated): one room per format, archive -> Sample
//	formats    the list of them; each declares a [Format]
//	transform  Sample -> Sample of the training size; geometry of evaluation
//	loader     ordered, seeded, bounded: Dataset -> Batch
//	inspect    what is in a data set and what is wrong with it, as text and pictures
//
// Data goes one way: archive -> Sample -> Batch. Start reading at sample.go.
package data
