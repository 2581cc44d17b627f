// Package rle implements COCO's run-length masks: decoding from compressed strings,
// plain counts and polygons, encoding, and operations on runs without unpacking them
// (area, box, union, intersection, IoU).
//
// Every result equals pycocotools' (cocoapi common/maskApi.c at 8c9bcc3c) bit
// for bit. Differs: input from outside is checked, so a string, count list or
// polygon that pycocotools would read past its mask is an error here. Runs of no
// pixels after the first, which no encoder writes, have no effect here; there
// they widen boxes and end merges early.
//
// Start reading at mask.go; text.go is the compressed string, polygon.go the
// rasteriser, iou.go the IoU for evaluation.
package rle
