// Package coco reads data sets in COCO's panoptic and instance formats: the
// official archives, unpacked folders, and the user's own data in the same formats.
//
// Opening reads the annotation file once, as a stream (package jsonscan,
// document.go), into a compact index; images, label maps and masks are decoded when a sample is
// loaded. Start reading at panoptic.go; instance.go has the same structure, layout.go
// locates files, and faults.go has the checks of inspection.
package coco
