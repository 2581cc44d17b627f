package decode_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"testing"

	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"
)

// claimed is the number of pixels that a file says it has, 0 if it says nothing.
func claimed(raw []byte) int {
	cfg, _, err := image.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		return 0
	}
	return cfg.Width * cfg.Height
}

// photo is a file of 640 x 480 pixels that compresses like a photograph.
func photo(tb testing.TB, extension string) []byte {
	rng := rand.New(rand.NewPCG(1, 1))
	img := image.NewRGBA(image.Rect(0, 0, 640, 480))
	for y := range 480 {
		for x := range 640 {
			noise := rng.IntN(40) * (y / 160)
			img.SetRGBA(x, y, color.RGBA{uint8(x/3 + noise/2), uint8(y/3 + noise), uint8(x*y/2000 + x%32), 255})
		}
	}
	var buf bytes.Buffer
	var err error
	if extension == ".jpg" {
		err = jpeg.Encode(&buf, img, &jpeg.Options{Quality: 92})
	} else {
		err = png.Encode(&buf, img)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}
