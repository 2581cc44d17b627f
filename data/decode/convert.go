package decode

import (
	"image"
	"image/color"

	"eomt/data"
)

// toRGB converts what the decoders of PNG, WebP and TIFF return. Alpha is dropped, not blended, and
// 16-bit samples keep their high byte, as Pillow's convert("RGB") does.
//
// Differs: Pillow keeps the high byte of 16-bit colour but saturates 16-bit gray,
// which turns a photograph white.
func toRGB(img image.Image) data.RGB {
	b := img.Bounds()
	out := data.NewRGB(b.Dx(), b.Dy())
	switch img := img.(type) {
	case *image.RGBA: // opaque, or TIFF with premultiplied alpha
		copyTriples(out, img.Pix, img.Stride, 4, 1)
	case *image.NRGBA:
		copyTriples(out, img.Pix, img.Stride, 4, 1)
	case *image.RGBA64:
		copyTriples(out, img.Pix, img.Stride, 8, 2)
	case *image.NRGBA64:
		copyTriples(out, img.Pix, img.Stride, 8, 2)
	case *image.Gray:
		copyTriples(out, img.Pix, img.Stride, 1, 0)
	case *image.Gray16:
		copyTriples(out, img.Pix, img.Stride, 2, 0)
	case *image.Paletted:
		convertPaletted(out, img)
	default:
		convertAny(out, img)
	}
	return out
}

// copyTriples takes the bytes at 0, step and 2*step of every pixel of size bytes.
func copyTriples(out data.RGB, pix []uint8, stride, size, step int) {
	for y := range out.H {
		row := pix[y*stride:]
		dst := out.Pix[3*y*out.W : 3*(y+1)*out.W]
		for i, j := 0, 0; i < len(dst); i, j = i+3, j+size {
			dst[i], dst[i+1], dst[i+2] = row[j], row[j+step], row[j+2*step]
		}
	}
}

func convertPaletted(out data.RGB, img *image.Paletted) {
	var table [256][3]uint8
	for i, c := range img.Palette {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		table[i] = [3]uint8{n.R, n.G, n.B}
	}
	for y := range out.H {
		row := img.Pix[y*img.Stride : y*img.Stride+out.W]
		dst := out.Pix[3*y*out.W:]
		for x, index := range row {
			copy(dst[3*x:3*x+3], table[index][:])
		}
	}
}

func convertAny(out data.RGB, img image.Image) {
	b := img.Bounds()
	i := 0
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			n := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			out.Pix[i], out.Pix[i+1], out.Pix[i+2] = n.R, n.G, n.B
			i += 3
		}
	}
}
