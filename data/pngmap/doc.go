// Package pngmap decodes the PNGs of segmentation maps, 8-bit RGB and 8-bit gray or
// palette indices, faster than image/png followed by a conversion: maps are mostly
// uniform, so the filter of a whole pixel is undone at once, and ids are written
// without an intermediate image. RGB photographs gain too.
//
// Package decode passes all other kinds, and damaged files, to image/png. Why:
// docs/decisions/007. Start reading at file.go; filter.go undoes the filters.
package pngmap
