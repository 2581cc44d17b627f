package decode

import (
	"image"

	"eomt/data/decode/jpeg"
)

// upsampler brings a plane to the image's size as libjpeg-turbo does (jdsample.c):
// by a triangle filter ("fancy upsampling") along axes of half the size, where the
// nearest sample counts three times as much as the next one, and otherwise by
// repeating samples. Go's image package always repeats them, which is up to 26
// levels away on photographs.
type upsampler struct {
	jpeg.Plane
	sums []uint16
	out  []uint8
}

func newUpsampler(p jpeg.Plane) *upsampler {
	return &upsampler{Plane: p, sums: make([]uint16, p.W), out: make([]uint8, p.W*p.X)}
}

// chroma is a colour plane of a 4:2:0 image, the only kind that WebP has.
func chroma(img *image.YCbCr, pix []uint8) *upsampler {
	w, h := (img.Rect.Dx()+1)/2, (img.Rect.Dy()+1)/2
	return newUpsampler(jpeg.Plane{Pix: pix, Stride: img.CStride, W: w, H: h, X: 2, Y: 2})
}

// row returns the samples of image row y, valid until the next call.
func (u *upsampler) row(y int) []uint8 {
	near := u.samples(y / u.Y)
	switch {
	case u.X == 1 && u.Y == 1:
		return near
	case u.X == 1 && u.Y == 2:
		next := u.nextRow(y)
		for i := range near {
			u.out[i] = uint8((3*uint16(near[i]) + uint16(next[i]) + uint16(1+y%2)) >> 2)
		}
	case u.X == 2 && u.Y == 1 && u.W > 2:
		for i, v := range near {
			u.sums[i] = uint16(v)
		}
		u.double(2, 1, 2)
	case u.X == 2 && u.Y == 2 && u.W > 2:
		next := u.nextRow(y)
		sums, next := u.sums[:len(near)], next[:len(near)]
		for i, v := range near {
			sums[i] = 3*uint16(v) + uint16(next[i])
		}
		u.double(4, 8, 7)
	default:
		for i := range u.out {
			u.out[i] = near[i/u.X]
		}
	}
	return u.out
}

func (u *upsampler) samples(y int) []uint8 { return u.Pix[y*u.Stride : y*u.Stride+u.W] }

// nextRow returns the second nearest row of samples, of a plane of half the height.
func (u *upsampler) nextRow(y int) []uint8 { return u.samples(min(max(y/2-1+y%2*2, 0), u.H-1)) }

// double filters sums to out, two pixels per sample; left and right are what
// libjpeg adds to the two before the shift.
func (u *upsampler) double(shift uint, left, right uint16) {
	sum := u.sums[0]
	last := 2*len(u.sums) - 1
	out := u.out[1:last]
	for i, next := range u.sums[1:] {
		pair := out[2*i : 2*i+2 : 2*i+2]
		pair[0] = uint8((3*sum + next + right) >> shift)
		pair[1] = uint8((3*next + sum + left) >> shift)
		sum = next
	}
	u.out[0] = uint8((4*u.sums[0] + left) >> shift)
	u.out[last] = uint8((4*sum + right) >> shift)
}
