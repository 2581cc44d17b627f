package decode

import (
	"image"

	"eomt/data"
)

// convertYCbCr widens the colour planes to the image's size as libjpeg does and
// converts row by row.
func convertYCbCr(out data.RGB, img *image.YCbCr, convert func(dst, y, cb, cr []uint8)) {
	blue, red := newChroma(img, img.Cb), newChroma(img, img.Cr)
	for y := range out.H {
		convert(out.Pix[3*y*out.W:3*(y+1)*out.W], img.Y[y*img.YStride:], blue.row(y), red.row(y))
	}
}

// webpToRGB converts what the WebP decoder returns: lossy images hold luma in
// 16..235, unlike those of JPEG.
func webpToRGB(img image.Image) data.RGB {
	out := data.NewRGB(img.Bounds().Dx(), img.Bounds().Dy())
	switch img := img.(type) {
	case *image.YCbCr:
		convertYCbCr(out, img, vp8Row)
	case *image.NYCbCrA:
		convertYCbCr(out, &img.YCbCr, vp8Row)
	default:
		return toRGB(img)
	}
	return out
}

// jfifRow converts with libjpeg's 16-bit constants (jdcolor.c).
func jfifRow(dst, y, cb, cr []uint8) {
	const half = 1 << 15
	n := len(dst) / 3
	y, cb, cr = y[:n], cb[:n], cr[:n]
	for i := range y {
		luma, u, v := int32(y[i]), int32(cb[i])-128, int32(cr[i])-128
		p := dst[3*i : 3*i+3 : 3*i+3]
		p[0] = clamp(luma + (91881*v+half)>>16)
		p[1] = clamp(luma + (half-22554*u-46802*v)>>16)
		p[2] = clamp(luma + (116130*u+half)>>16)
	}
}

// vp8Row converts with libwebp's 14-bit constants (src/dsp/yuv.h).
func vp8Row(dst, y, cb, cr []uint8) {
	n := len(dst) / 3
	y, cb, cr = y[:n], cb[:n], cr[:n]
	for i := range y {
		luma, u, v := int32(y[i])*19077>>8, int32(cb[i]), int32(cr[i])
		p := dst[3*i : 3*i+3 : 3*i+3]
		p[0] = clamp((luma + v*26149>>8 - 14234) >> 6)
		p[1] = clamp((luma - u*6419>>8 - v*13320>>8 + 8708) >> 6)
		p[2] = clamp((luma + u*33050>>8 - 17685) >> 6)
	}
}

func clamp(v int32) uint8 {
	if uint32(v) > 255 { // rare, so a branch is cheaper than two comparisons
		return uint8(^v >> 31)
	}
	return uint8(v)
}
