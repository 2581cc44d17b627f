// Package cocofiles reads results in the official file formats together with their
// ground truth, for scoring without a model: COCO panoptic JSON with PNG maps, and
// COCO instance JSON with a results list.
//
// Opening a pair of files checks them against each other; images can then be read
// from any goroutine. Errors are *[data.FormatError] or state which image is wrong
// and why.
//
// Start reading at panoptic.go and instance.go.
package cocofiles
