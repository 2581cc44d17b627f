//go:build !turbo || !cgo

package decode

import "image/jpeg"

// JPEGDecoder names the library that this build decodes JPEG with.
const JPEGDecoder = "image/jpeg"

var decodeJPEG = standard(jpeg.Decode, toRGB)
