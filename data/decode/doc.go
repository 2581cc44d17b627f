// Package decode turns the bytes of an image file into what the data rooms
// work with: photographs into [data.RGB], label and panoptic PNGs into ids, and
// ids back into PNGs. The format is told by a file's first bytes, never by its
// name. Every error is a *[data.FormatError] that names the file.
//
// Photographs come out as Pillow's Image.convert("RGB") gives them: gray and
// palette expanded, 16-bit samples cut to 8, alpha dropped. Sequential JPEG files
// are decoded by package baseline, bit-exact with Pillow, and other ones by
// image/jpeg; the build tag "turbo" decodes all but CMYK with libjpeg-turbo
// (docs/performance-data.md).
//
// Start reading at image.go; labels are in labels.go.
package decode
