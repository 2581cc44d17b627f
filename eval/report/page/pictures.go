package page

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/draw"
)

// maxPicture is the longer side of a picture on the page, in pixels: sharp at its
// displayed width, also on a phone.
const maxPicture = 560

// picture is an image for the template.
type picture struct {
	Source        template.URL // a data URI
	Title, Alt    string
	Width, Height int
	Small         bool // to be enlarged with visible pixels
}

// newPicture encodes an image: few colours as PNG, a photograph as JPEG, and a
// transparent one as PNG in any case.
func newPicture(title, of string, img image.Image) (picture, error) {
	img = scaled(img)
	size := img.Bounds().Size()
	p := picture{Title: title, Alt: title + " of " + of, Width: size.X, Height: size.Y, Small: max(size.X, size.Y) < 200}
	var file bytes.Buffer
	kind := "png"
	var err error
	if paletted := fewColors(img); paletted != nil {
		err = png.Encode(&file, paletted)
	} else if opaque, ok := img.(interface{ Opaque() bool }); ok && opaque.Opaque() {
		kind = "jpeg"
		err = jpeg.Encode(&file, img, &jpeg.Options{Quality: 88})
	} else {
		err = png.Encode(&file, img)
	}
	if err != nil {
		return picture{}, fmt.Errorf("page: encode %s: %w", p.Alt, err)
	}
	p.Source = template.URL("data:image/" + kind + ";base64," + base64.StdEncoding.EncodeToString(file.Bytes()))
	return p, nil
}

// scaled makes an image no larger than the page needs.
func scaled(img image.Image) image.Image {
	size := img.Bounds().Size()
	longer := max(size.X, size.Y)
	if longer <= maxPicture {
		return img
	}
	small := image.NewNRGBA(image.Rect(0, 0, max(1, size.X*maxPicture/longer), max(1, size.Y*maxPicture/longer)))
	var kernel draw.Scaler = draw.CatmullRom
	if fewColors(img) != nil { // a map: no new colours
		kernel = draw.NearestNeighbor
	}
	kernel.Scale(small, small.Rect, img, img.Bounds(), draw.Src, nil)
	return small
}

// fewColors is the image with a palette, or nil if 256 colours are not enough.
func fewColors(img image.Image) *image.Paletted {
	bounds := img.Bounds()
	paletted := image.NewPaletted(image.Rect(0, 0, bounds.Dx(), bounds.Dy()), nil)
	index := map[color.NRGBA]uint8{}
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			c := color.NRGBAModel.Convert(img.At(bounds.Min.X+x, bounds.Min.Y+y)).(color.NRGBA)
			i, known := index[c]
			if !known {
				if len(index) == 256 {
					return nil
				}
				i = uint8(len(index))
				index[c] = i
				paletted.Palette = append(paletted.Palette, c)
			}
			paletted.Pix[y*paletted.Stride+x] = i
		}
	}
	return paletted
}
