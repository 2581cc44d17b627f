package decode

import (
	"image"

	"eomt/data"
	"eomt/data/decode/jpeg"
)

// jpegToRGB upsamples planes and converts them as libjpeg and Pillow do.
func jpegToRGB(img *jpeg.Image) data.RGB {
	out := data.NewRGB(img.W, img.H)
	var planes []*upsampler
	for _, p := range img.Planes {
		planes = append(planes, newUpsampler(p))
	}
	for y := range out.H {
		dst := out.Pix[3*y*out.W : 3*(y+1)*out.W]
		var rows [4][]uint8
		for i, p := range planes {
			rows[i] = p.row(y)
		}
		switch img.Color {
		case jpeg.Gray:
			interleave(dst, rows[0], rows[0], rows[0])
		case jpeg.RGB:
			interleave(dst, rows[0], rows[1], rows[2])
		case jpeg.YCbCr:
			jfifRow(dst, rows[0], rows[1], rows[2])
		case jpeg.CMYK:
			interleave(dst, rows[0], rows[1], rows[2])
			for i, v := range dst {
				dst[i] = 255 - v
			}
			inkRow(dst, rows[3])
		case jpeg.YCCK:
			jfifRow(dst, rows[0], rows[1], rows[2])
			inkRow(dst, rows[3])
		}
	}
	return out
}

// interleave writes three rows as pixels.
func interleave(dst, r, g, b []uint8) {
	n := len(dst) / 3
	r, g, b = r[:n], g[:n], b[:n]
	for i := range r {
		p := dst[3*i : 3*i+3 : 3*i+3]
		p[0], p[1], p[2] = r[i], g[i], b[i]
	}
}

// inkRow turns cyan, magenta and yellow in dst into red, green and blue on paper of
// the given brightness, as Pillow rounds it. Pillow takes all CMYK files to be
// Adobe's, which store every ink as its complement.
func inkRow(dst, paper []uint8) {
	for i, k := range paper[:len(dst)/3] {
		for c, ink := range dst[3*i : 3*i+3] {
			t := int(ink)*int(k) + 128
			dst[3*i+c] = uint8(int(k) - (t>>8+t)>>8)
		}
	}
}

// webpToRGB converts what the WebP decoder returns: lossy images hold luma in
// 16..235, unlike those of JPEG.
func webpToRGB(img image.Image) data.RGB {
	var planes *image.YCbCr
	switch img := img.(type) {
	case *image.YCbCr:
		planes = img
	case *image.NYCbCrA:
		planes = &img.YCbCr
	default:
		return toRGB(img)
	}
	out := data.NewRGB(img.Bounds().Dx(), img.Bounds().Dy())
	blue, red := chroma(planes, planes.Cb), chroma(planes, planes.Cr)
	for y := range out.H {
		vp8Row(out.Pix[3*y*out.W:3*(y+1)*out.W], planes.Y[y*planes.YStride:], blue.row(y), red.row(y))
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
