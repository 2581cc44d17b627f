//go:build turbo && cgo

package decode

import (
	"bytes"
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
		img, err := jpeg.Decode(bytes.NewReader(raw))
		if err != nil {
			return data.RGB{}, err
		}
		return toRGB(img), nil
	}
	src := &source{rest: raw}
	img, err := turbo.DecodeIntoRGB(src, &turbo.DecoderOptions{})
	if src.overrun {
		return data.RGB{}, io.ErrUnexpectedEOF
	}
	if err != nil {
		return data.RGB{}, err
	}
	return data.RGB{W: img.Rect.Dx(), H: img.Rect.Dy(), Pix: img.Pix}, nil
}

// source feeds libjpeg, which answers the end of its input with gray pixels and
// no error. Past the end it gets end-of-image markers, and overrun says so.
type source struct {
	rest    []byte
	overrun bool
}

func (s *source) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		s.overrun = true
		return copy(p, "\xff\xd9"), nil
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}
