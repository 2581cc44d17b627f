// Package cityscapes reads Cityscapes' fine annotations: the 19 classes that are
// evaluated, as semantic labels or as panoptic ground truth. The official zips are
// read in place, or unpacked folders of the same layout.
// Start reading at cityscapes.go; the class table is in classes.go.
package cityscapes
