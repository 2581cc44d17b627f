// Package pngmap decodes the PNGs that segmentation maps are stored as, 8-bit
// RGB and 8-bit gray or palette indices, two to four times faster than image/png
// followed by a conversion: maps are mostly even, so that a whole pixel's filter
// is computed at once, and the ids are written without an image in between. RGB
// photographs gain too.
//
// It decodes what it knows; package decode leaves everything else to image/png,
// broken files included, which then says what is wrong. Start reading at file.go;
// filter.go undoes the filters.
package pngmap
