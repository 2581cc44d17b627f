// Package postprocess turns a model's mask and class logits into what is scored
// and shown: panoptic segments, instance masks, semantic labels, at the original
// image's size. It computes what the reference does (tue-mps/eomt at 7bd19dd,
// training/lightning_module.py and mask_classification_*.py), in its order of
// float32 operations.
//
// Memory stays small at any image size: masks are resized row by row ([resizer]),
// only for queries that can appear in the result, and no array of queries or
// classes by original pixels is ever made.
//
// Axis legend: h,w mask grid; H,W original image; Q queries; C classes, with
// no-object last where a slice has C+1.
//
// Start reading at panoptic.go; resize.go is the way back to the original size,
// instance.go and semantic.go are the other tasks.
package postprocess
