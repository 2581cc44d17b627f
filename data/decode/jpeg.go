//go:build !turbo || !cgo

package decode

import (
	"bytes"
	"image"
	"image/jpeg"

	"eomt/data"
)

// JPEGDecoder names the library that this build decodes JPEG with.
const JPEGDecoder = "image/jpeg"

func decodeJPEG(raw []byte, _ image.Config) (data.RGB, error) {
	img, err := jpeg.Decode(bytes.NewReader(raw))
	if err != nil {
		return data.RGB{}, err
	}
	return toRGB(img), nil
}
