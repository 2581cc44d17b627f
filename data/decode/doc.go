// Package decode turns the bytes of an image file into [data.RGB], label and
// panoptic PNGs into ids, and ids back into PNGs. A file's first bytes determine its
// format, never its name. Every error is a *[data.FormatError] that names the file.
//
// Images have the pixels of Pillow's Image.convert("RGB"): gray and palette
// expanded, 16-bit samples cut to 8, alpha dropped. JPEG pixels are identical:
// sequential and progressive files, gray, YCbCr, RGB, CMYK and YCCK (with or
// without Adobe's segment, complemented like Pillow does), and all sampling factors
// that libjpeg takes, 4:1:1 and subsampled RGB among them. Differs:
//
//   - a progressive file that leaves its low frequencies incomplete is decoded as is;
//     libjpeg smooths it;
//   - a truncated file, or one with damaged restart markers, is an error;
//   - arithmetic coding is an error that names the build tag "turbo", which decodes
//     all but CMYK with libjpeg-turbo.
//
// Start reading at image.go; labels are in labels.go.
package decode
