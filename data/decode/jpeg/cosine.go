package jpeg

// Bits of fraction: of the constants, and of what the first pass leaves.
const (
	constBits = 13
	passBits  = 2
)

// inverse computes the samples of a block and writes them to eight rows of dst.
// last is the zigzag index of the last coefficient that is not zero.
func inverse(in *[64]int32, last int, dst []uint8, stride int) {
	if last == 0 {
		v := clamp((in[0] + 1<<2) >> 3)
		row := [8]uint8{v, v, v, v, v, v, v, v}
		for range 7 {
			copy(dst[:8], row[:])
			dst = dst[stride:]
		}
		copy(dst[:8], row[:])
		return
	}
	var columns, samples [64]int32
	transform(&columns, in, constBits-passBits)
	transform(&samples, &columns, constBits+passBits+3)
	for y := range 8 {
		row := dst[y*stride:][:8]
		for x, v := range samples[8*y : 8*y+8 : 8*y+8] {
			row[x] = clamp(v)
		}
	}
}

// transform computes eight one-dimensional inverse transforms, of in's columns to
// out's rows, with libjpeg's constants and its rounding to shift bits less ("slow
// integer", jidctint.c; Loeffler, Ligtenberg and Moschytz, 1989).
func transform(out, in *[64]int32, shift uint) {
	half := int32(1) << (shift - 1)
	for i := range 8 {
		x0, x1, x2, x3 := in[i], in[i+8], in[i+16], in[i+24]
		x4, x5, x6, x7 := in[i+32], in[i+40], in[i+48], in[i+56]
		row := out[8*i : 8*i+8 : 8*i+8]
		if x1|x2|x3|x4|x5|x6|x7 == 0 {
			v := (x0<<constBits + half) >> shift
			row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7] = v, v, v, v, v, v, v, v
			continue
		}
		turn := (x2 + x6) * 4433              // 0.541196100
		e2, e3 := turn-x6*15137, turn+x2*6270 // 1.847759065, 0.765366865
		e0, e1 := (x0+x4)<<constBits, (x0-x4)<<constBits
		a, b, c, d := e0+e3+half, e1+e2+half, e1-e2+half, e0-e3+half

		odd := (x1 + x3 + x5 + x7) * 9633             // 1.175875602
		p, q := (x1+x7)*-7373, (x3+x5)*-20995         // 0.899976223, 2.562915447
		r, s := odd+(x3+x7)*-16069, odd+(x1+x5)*-3196 // 1.961570560, 0.390180644
		o7, o5 := x7*2446+p+r, x5*16819+q+s           // 0.298631336, 2.053119869
		o3, o1 := x3*25172+q+r, x1*12299+p+s          // 3.072711026, 1.501321110

		row[0], row[7] = (a+o1)>>shift, (a-o1)>>shift
		row[1], row[6] = (b+o3)>>shift, (b-o3)>>shift
		row[2], row[5] = (c+o5)>>shift, (c-o5)>>shift
		row[3], row[4] = (d+o7)>>shift, (d-o7)>>shift
	}
}

// clamp shifts a sample to 0..255.
func clamp(v int32) uint8 {
	if v += 128; uint32(v) > 255 {
		return uint8(^v >> 31)
	}
	return uint8(v)
}
