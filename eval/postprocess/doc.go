// Package postprocess turns a model's mask and class logits into panoptic segments,
// instance masks or semantic labels at the original image's size. It computes what
// the reference does (tue-mps/eomt at 7bd19dd, training/lightning_module.py and
// mask_classification_*.py), in its order of float32 operations.
//
// Memory stays small at any image size: masks are resized row by row ([resizer]),
// only for queries that can appear in the result, and no array over queries or
// classes and original pixels is ever allocated.
//
// Axis legend: h,w mask grid; H,W original image; Q queries; C classes, with
// no-object last where a slice has C+1.
//
// Start reading at panoptic.go; resize.go resizes to the original size, instance.go
// and semantic.go are the other tasks.
package postprocess
