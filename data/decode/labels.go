package decode

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"slices"

	"eomt/data"
	"eomt/data/pngmap"
)

// IDs decodes a panoptic PNG: the id of a pixel is R + 256 G + 65536 B. The ids
// are row-major, w*h of them. A palette stands for its colours, since PNG
// optimisers turn maps of few colours into paletted ones.
func IDs(raw []byte, path string) (ids []uint32, w, h int, err error) {
	if ids, w, h, ok := pngmap.IDs(raw); ok {
		return ids, w, h, nil
	}
	img, err := decodePNG(raw, path)
	if err != nil {
		return nil, 0, 0, err
	}
	switch img.(type) {
	case *image.Gray16, *image.RGBA64, *image.NRGBA64:
		return nil, 0, 0, &data.FormatError{Path: path, Reason: "16-bit PNG; panoptic ids are stored as 8-bit RGB"}
	}
	rgb := toRGB(img)
	ids = make([]uint32, rgb.W*rgb.H)
	for i := range ids {
		p := rgb.Pix[3*i : 3*i+3 : 3*i+3]
		ids[i] = uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16
	}
	return ids, rgb.W, rgb.H, nil
}

// Labels decodes a label PNG: the sample of a gray PNG of 8 or 16 bits, the
// index of a paletted one of any depth. The labels are row-major, w*h of them.
// Gray of 2 and 4 bits is scaled to 0..255 as in Pillow; gray of 1 bit is 0 or 1.
func Labels(raw []byte, path string) (labels []uint16, w, h int, err error) {
	if labels, w, h, ok := pngmap.Labels(raw); ok {
		return labels, w, h, nil
	}
	img, err := decodePNG(raw, path)
	if err != nil {
		return nil, 0, 0, err
	}
	w, h = img.Bounds().Dx(), img.Bounds().Dy()
	labels = make([]uint16, w*h)
	// The sample or index of every pixel starts size bytes after the one before.
	fill := func(pix []uint8, stride, size int, value func(p []uint8) uint16) {
		for y := range h {
			row := pix[y*stride:]
			for x := range w {
				labels[y*w+x] = value(row[x*size:])
			}
		}
	}
	low := func(p []uint8) uint16 { return uint16(p[0]) }
	switch depth, kind := raw[pngDepth], raw[pngKind]; {
	case kind == pngPaletted:
		img := img.(*image.Paletted)
		fill(img.Pix, img.Stride, 1, low)
	case kind == pngGray && depth == 16:
		switch img := img.(type) {
		case *image.Gray16:
			fill(img.Pix, img.Stride, 2, func(p []uint8) uint16 { return uint16(p[0])<<8 | uint16(p[1]) })
		case *image.NRGBA64:
			fill(img.Pix, img.Stride, 8, func(p []uint8) uint16 { return uint16(p[0])<<8 | uint16(p[1]) })
		}
	case kind == pngGray:
		switch img := img.(type) {
		case *image.Gray:
			fill(img.Pix, img.Stride, 1, low)
		case *image.NRGBA:
			fill(img.Pix, img.Stride, 4, low)
		}
		if depth == 1 {
			for i := range labels {
				labels[i] &= 1
			}
		}
	default:
		return nil, 0, 0, &data.FormatError{Path: path, Reason: "colour or alpha PNG; a label map has one gray sample or palette index per pixel"}
	}
	return labels, w, h, nil
}

// checkPNGHolds refuses a file of fewer bytes than its pixels can be compressed to,
// so that a small file which states a large size allocates nothing.
func checkPNGHolds(raw []byte, cfg image.Config) error {
	const maxRatio = 1032 // of deflate: 258 bytes in two bits
	samples := [...]int{pngGray: 1, 2: 3, pngPaletted: 1, 4: 2, 6: 4}[raw[pngKind]]
	if row := (cfg.Width*samples*int(raw[pngDepth]) + 7) / 8; len(raw) < row*cfg.Height/maxRatio {
		return fmt.Errorf("%d bytes cannot hold %d x %d pixels: %w", len(raw), cfg.Width, cfg.Height, io.ErrUnexpectedEOF)
	}
	return nil
}

const pngMagic = "\x89PNG\r\n\x1a\n"

// Of the header chunk, which the PNG decoder has checked to be the first.
const (
	pngDepth    = 24 // position of the bit depth
	pngKind     = 25 // position of the colour type
	pngGray     = 0
	pngPaletted = 3
)

func decodePNG(raw []byte, path string) (image.Image, error) {
	const name = "PNG"
	if !bytes.HasPrefix(raw, []byte(pngMagic)) {
		return nil, &data.FormatError{Path: path, Reason: "not a PNG file; labels and ids are stored as PNG"}
	}
	cfg, err := readAll(raw, png.DecodeConfig)
	if err != nil {
		return nil, broken(name, path, len(raw), err)
	}
	if err := checkSize(cfg.Width, cfg.Height); err != nil {
		return nil, broken(name, path, len(raw), err)
	}
	if err := checkPNGHolds(raw, cfg); err != nil {
		return nil, broken(name, path, len(raw), err)
	}
	img, err := readAll(raw, png.Decode)
	if err != nil {
		return nil, broken(name, path, len(raw), err)
	}
	return img, nil
}

// encoder favours speed: maps have large even regions that every level compresses
// well.
var encoder = png.Encoder{CompressionLevel: png.BestSpeed}

// EncodeIDs writes a panoptic map as an RGB PNG, the inverse of [IDs]. An id
// beyond 24 bits or a slice that is not w*h long is an error.
func EncodeIDs(ids []uint32, w, h int) ([]byte, error) {
	if err := checkMap(len(ids), w, h); err != nil {
		return nil, fmt.Errorf("decode: encode ids: %w", err)
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i, id := range ids {
		if id >= 1<<24 {
			return nil, fmt.Errorf("decode: encode ids: id %d at (%d, %d) does not fit into 24 bits", id, i%w, i/w)
		}
		copy(img.Pix[4*i:], []uint8{uint8(id), uint8(id >> 8), uint8(id >> 16), 255})
	}
	return encode(img)
}

// EncodeLabels writes a label map as a gray PNG, the inverse of [Labels], of 8
// bits where all labels fit and of 16 otherwise.
func EncodeLabels(labels []uint16, w, h int) ([]byte, error) {
	if err := checkMap(len(labels), w, h); err != nil {
		return nil, fmt.Errorf("decode: encode labels: %w", err)
	}
	rect := image.Rect(0, 0, w, h)
	if slices.Max(labels) > 255 {
		img := image.NewGray16(rect)
		for i, l := range labels {
			img.SetGray16(i%w, i/w, color.Gray16{Y: l})
		}
		return encode(img)
	}
	img := image.NewGray(rect)
	for i, l := range labels {
		img.Pix[i] = uint8(l)
	}
	return encode(img)
}

func checkMap(n, w, h int) error {
	if w <= 0 || h <= 0 || n != w*h {
		return fmt.Errorf("%d values for a map of %d x %d pixels", n, w, h)
	}
	return nil
}

func encode(img image.Image) ([]byte, error) {
	var buf bytes.Buffer
	if err := encoder.Encode(&buf, img); err != nil {
		return nil, fmt.Errorf("decode: encode PNG: %w", err)
	}
	return buf.Bytes(), nil
}
