// Package rle is COCO's run-length form of a binary mask: decoding it from
// compressed strings, plain counts and polygons, encoding it, and computing on
// the runs without unpacking them (area, box, union, intersection, IoU).
//
// Every result equals pycocotools' (cocoapi common/maskApi.c at 8c9bcc3c) bit
// for bit. Differs: input from outside is checked, so a string, count list or
// polygon that pycocotools would read past its mask is an error here. Runs of no
// pixels after the first, which no encoder writes, have no effect here; there
// they widen boxes and end merges early.
//
// Start reading at mask.go; text.go is the compressed string, polygon.go the
// rasteriser, iou.go what evaluation calls.
package rle
