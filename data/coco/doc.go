// Package coco reads data sets in COCO's panoptic and instance formats: the
// official archives, unpacked folders, and data of one's own in the same formats.
//
// Opening reads the annotation file once, as a stream (scan.go, document.go), into
// a compact index; images, label maps and masks are decoded when a sample is
// loaded. Start reading at panoptic.go, whose way instance.go follows.
package coco
