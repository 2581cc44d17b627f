// Package cocofiles reads the official file formats of results beside their
// ground truth, for scoring without a model: COCO panoptic JSON with PNG maps,
// COCO instance JSON with a results list, folders of label PNGs.
//
// Opening a pair of files checks them against each other; each image is then
// read on its own, from any goroutine. Errors are *[data.FormatError] or say
// which image is wrong and why.
//
// Start reading at panoptic.go and instance.go.
package cocofiles
