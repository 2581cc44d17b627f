package decode

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"

	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"eomt/data"
	"eomt/data/decode/jpeg"
	"eomt/data/pngmap"
)

// MaxPixels is the largest size that is read, checked before anything is
// allocated: Pillow's limit against decompression bombs.
const MaxPixels = 2 * 89478485

// format is one kind of image file.
type format struct {
	name   string
	magic  func(raw []byte) bool
	config func(raw []byte) (image.Config, error)
	decode func(raw []byte, cfg image.Config) (data.RGB, error)
	exif   func(raw []byte) []byte // the TIFF structure with the tags; nil if there is none
}

var formats = []format{
	{"JPEG", prefix("\xff\xd8\xff"), jpegConfig, decodeJPEG, exifOfJPEG},
	{"PNG", prefix(pngMagic), standardConfig(png.DecodeConfig), decodePNGImage, exifOfPNG},
	{"WebP", isWebP, standardConfig(webp.DecodeConfig), standard(webp.Decode, webpToRGB), exifOfWebP},
	{"TIFF", isTIFF, standardConfig(tiff.DecodeConfig), standard(tiff.Decode, toRGB), func(raw []byte) []byte { return raw }},
}

// Image decodes a JPEG, PNG, WebP or TIFF file as stored, ignoring its EXIF
// orientation. The path is for error messages; errors are *[data.FormatError].
func Image(raw []byte, path string) (data.RGB, error) {
	img, _, err := decodeImage(raw, path)
	return img, err
}

// ImageOriented decodes like [Image] and then rotates and mirrors the image by its
// EXIF orientation, as a viewer shows a photograph.
func ImageOriented(raw []byte, path string) (data.RGB, error) {
	img, f, err := decodeImage(raw, path)
	if err != nil {
		return img, err
	}
	return orient(img, orientation(f.exif(raw))), nil
}

// Into decodes an image file into s.Image, as stored or, with applyEXIF, upright, and
// sets s.Orientation to the file's orientation. s.Name is its path in error messages.
func Into(s *data.Sample, raw []byte, applyEXIF bool) error {
	img, f, err := decodeImage(raw, s.Name)
	if err != nil {
		return err
	}
	s.Image, s.Orientation = img, orientation(f.exif(raw))
	if applyEXIF {
		s.Image = orient(img, s.Orientation)
	}
	return nil
}

func decodeImage(raw []byte, path string) (data.RGB, *format, error) {
	for i := range formats {
		f := &formats[i]
		if !f.magic(raw) {
			continue
		}
		cfg, err := f.config(raw)
		if err != nil {
			return data.RGB{}, nil, broken(f.name, path, len(raw), err)
		}
		if err := checkSize(cfg.Width, cfg.Height); err != nil {
			return data.RGB{}, nil, broken(f.name, path, len(raw), err)
		}
		img, err := f.decode(raw, cfg)
		if err != nil {
			return data.RGB{}, nil, broken(f.name, path, len(raw), err)
		}
		return img, f, nil
	}
	return data.RGB{}, nil, &data.FormatError{Path: path, Reason: unknownFormat(raw)}
}

func unknownFormat(raw []byte) string {
	if len(raw) == 0 {
		return "the file is empty; expected a JPEG, PNG, WebP or TIFF image"
	}
	return fmt.Sprintf("not a readable image: it starts with % x; expected a JPEG, PNG, WebP or TIFF image", raw[:min(4, len(raw))])
}

func checkSize(w, h int) error {
	if w <= 0 || h <= 0 {
		return fmt.Errorf("it claims a size of %d x %d pixels; both must be positive", w, h)
	}
	if w > MaxPixels/h {
		return fmt.Errorf("it claims a size of %d x %d pixels; at most %d pixels are read", w, h, MaxPixels)
	}
	return nil
}

func prefix(magic string) func([]byte) bool {
	return func(raw []byte) bool { return bytes.HasPrefix(raw, []byte(magic)) }
}

func isWebP(raw []byte) bool {
	return len(raw) >= 12 && string(raw[:4]) == "RIFF" && string(raw[8:12]) == "WEBP"
}

func isTIFF(raw []byte) bool {
	return bytes.HasPrefix(raw, []byte("II*\x00")) || bytes.HasPrefix(raw, []byte("MM\x00*"))
}

// jpegConfig reads the size; the colour model is set for CMYK only.
func jpegConfig(raw []byte) (image.Config, error) {
	w, h, components, err := jpeg.Size(raw)
	cfg := image.Config{Width: w, Height: h}
	if components == 4 {
		cfg.ColorModel = color.CMYKModel
	}
	return cfg, err
}

// standardConfig adapts a DecodeConfig of the standard library's kind.
func standardConfig(config func(io.Reader) (image.Config, error)) func([]byte) (image.Config, error) {
	return func(raw []byte) (image.Config, error) { return readAll(raw, config) }
}

// standard adapts a Decode of the standard library's kind.
func standard(decode func(io.Reader) (image.Image, error), convert func(image.Image) data.RGB) func([]byte, image.Config) (data.RGB, error) {
	return func(raw []byte, _ image.Config) (data.RGB, error) {
		img, err := readAll(raw, decode)
		if err != nil {
			return data.RGB{}, err
		}
		return convert(img), nil
	}
}

// decodePNGImage passes to image/png what package pngmap does not read.
func decodePNGImage(raw []byte, cfg image.Config) (data.RGB, error) {
	if pix, w, h, ok := pngmap.RGB(raw); ok {
		return data.RGB{W: w, H: h, Pix: pix}, nil
	}
	if err := checkPNGHolds(raw, cfg); err != nil {
		return data.RGB{}, err
	}
	return standard(png.Decode, toRGB)(raw, cfg)
}

// readAll runs read on raw. Decoders report the end of their input differently; here
// an error after it is io.ErrUnexpectedEOF.
func readAll[T any](raw []byte, read func(io.Reader) (T, error)) (T, error) {
	src := &source{rest: raw}
	result, err := read(src)
	if err != nil && src.ended {
		err = io.ErrUnexpectedEOF
	}
	return result, err
}

// source records whether its reader asked for more bytes than it has.
type source struct {
	rest  []byte
	ended bool
}

func (s *source) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		s.ended = true
		return 0, io.EOF
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// broken is the error of a file of n bytes that its decoder rejected.
func broken(format, path string, n int, err error) error {
	if unsupported := jpeg.UnsupportedError(""); errors.As(err, &unsupported) {
		return &data.FormatError{Path: path, Reason: unsupported.Error()}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &data.FormatError{Path: path, Reason: fmt.Sprintf("truncated %s: the file ends after %d bytes, before its image does", format, n)}
	}
	return &data.FormatError{Path: path, Reason: fmt.Sprintf("broken %s: %v", format, err)}
}
