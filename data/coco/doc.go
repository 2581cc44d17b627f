// Package coco reads data sets in COCO's panoptic and instance formats: the
// official archives, unpacked folders, and the user's own data in the same formats.
//
// Opening reads the annotation file once, as a stream (package jsonscan,
// document.go), into a compact index; images, label maps and masks are decoded when a sample is
// loaded. Start reading at panoptic.go; instance.go is built alike, layout.go says
// where files lie, and faults.go what inspection finds.
package coco
