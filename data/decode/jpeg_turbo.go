//go:build turbo && cgo

package decode

import (
	"image"
	"image/color"
	"image/jpeg"
	"io"

	turbo "github.com/pixiv/go-libjpeg/jpeg"

	"eomt/data"
)

// JPEGDecoder names the library that this build decodes JPEG with.
const JPEGDecoder = "libjpeg-turbo"

// decodeJPEG leaves CMYK to image/jpeg, which knows Adobe's inversion.
func decodeJPEG(raw []byte, cfg image.Config) (data.RGB, error) {
	if cfg.ColorModel == color.CMYKModel {
		return standard(jpeg.Decode, toRGB)(raw, cfg)
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

// endless goes on with end-of-image markers after its source has ended. The
// library would put them there itself, fill the image with gray and return no
// error; in skipping over its own ones it also leaves its buffer.
type endless struct{ source }

func (e *endless) Read(p []byte) (int, error) {
	n, err := e.source.Read(p)
	if err == io.EOF {
		return copy(p, "\xff\xd9"), nil
	}
	return n, err
}
