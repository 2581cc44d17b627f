//go:build !turbo || !cgo

package decode

import (
	"image"
	"image/jpeg"

	"eomt/data"
	"eomt/data/decode/baseline"
)

// JPEGDecoder names the library that this build decodes JPEG with.
const JPEGDecoder = "image/jpeg"

// decodeJPEG leaves to image/jpeg what package baseline does not read.
func decodeJPEG(raw []byte, cfg image.Config) (data.RGB, error) {
	if img, err := baseline.Decode(raw); err == nil {
		return toRGB(img), nil
	}
	return standard(jpeg.Decode, toRGB)(raw, cfg)
}
