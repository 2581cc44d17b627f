// Package decode turns the bytes of an image file into [data.RGB], label and
// panoptic PNGs into ids, and ids back into PNGs. The first bytes of a file decide
// its format, never its name. Every error is a *[data.FormatError] that names the
// file.
//
// Images have the pixels of Pillow's Image.convert("RGB"): gray and palette
// expanded, 16-bit samples cut to 8, alpha dropped. Those of JPEG are the same bit
// by bit: sequential and progressive files, gray, YCbCr, RGB, CMYK and YCCK (with or
// without Adobe's segment, complemented like Pillow does), and all sampling factors
// that libjpeg takes, 4:1:1 and subsampled RGB among them. Differs:
//
//   - a progressive file that leaves its low frequencies incomplete is decoded as it
//     is; libjpeg smooths it;
//   - a file that is cut or whose restart markers are damaged is an error;
//   - arithmetic coding is an error that names the build tag "turbo", which decodes
//     all but CMYK with libjpeg-turbo.
//
// Start reading at image.go; labels are in labels.go.
package decode
