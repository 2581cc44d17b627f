//go:build turbo && cgo

package decode

import (
	"image"
	"image/color"
	"io"

	turbo "github.com/pixiv/go-libjpeg/jpeg"

	"eomt/data"
	"eomt/data/decode/jpeg"
)

// decodeJPEG passes CMYK to package jpeg, as the library does not convert it to RGB.
func decodeJPEG(raw []byte, cfg image.Config) (data.RGB, error) {
	if cfg.ColorModel == color.CMYKModel {
		img, err := jpeg.Decode(raw)
		if err != nil {
			return data.RGB{}, err
		}
		return jpegToRGB(img), nil
	}
	src := &endless{source{rest: raw}}
	img, err := turbo.DecodeIntoRGB(src, &turbo.DecoderOptions{})
	if src.ended {
		return data.RGB{}, io.ErrUnexpectedEOF
	}
	if err != nil {
		return data.RGB{}, err
	}
	return data.RGB{W: img.Rect.Dx(), H: img.Rect.Dy(), Pix: img.Pix}, nil
}

// endless supplies end-of-image markers after its source has ended. The library
// would insert them itself, fill the image with gray and return no error; when it
// skips its own ones it also reads outside of its buffer.
type endless struct{ source }

func (e *endless) Read(p []byte) (int, error) {
	n, err := e.source.Read(p)
	if err == io.EOF {
		return copy(p, "\xff\xd9"), nil
	}
	return n, err
}
