//go:build !turbo || !cgo

package decode

import (
	"image"

	"eomt/data"
	"eomt/data/decode/jpeg"
)

func decodeJPEG(raw []byte, _ image.Config) (data.RGB, error) {
	img, err := jpeg.Decode(raw)
	if err != nil {
		return data.RGB{}, err
	}
	return jpegToRGB(img), nil
}
