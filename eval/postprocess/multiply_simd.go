//go:build goexperiment.simd && amd64

package postprocess

import "simd/archsimd"

const (
	lanes = 8
	block = 4 * lanes // columns whose sums stay in registers
)

// multiply is [multiplyRows], bit by bit, with AVX where the processor has it.
func multiply(dst, weights, masks []float32, queries, classes int) {
	width := len(dst) / classes
	if !archsimd.X86.AVX2() || width < block {
		multiplyRows(dst, weights, masks, queries, classes)
		return
	}
	whole := width - width%block
	for x := 0; x < whole; x += block {
		c := 0
		for ; c+2 <= classes; c += 2 {
			multiplyPair(dst[c*width+x:], weights[c:], masks[x:], queries, classes, width)
		}
		if c < classes {
			multiplyOne(dst[c*width+x:], weights[c:], masks[x:], queries, classes, width)
		}
	}
	archsimd.ClearAVXUpperBits()
	multiplyColumns(dst, weights, masks, queries, classes, whole)
}

// multiplyPair computes one block of two classes' rows.
func multiplyPair(dst, weights, masks []float32, queries, classes, width int) {
	var a0, a1, a2, a3, b0, b1, b2, b3 archsimd.Float32x8
	for q := range queries {
		row := (*[block]float32)(masks[q*width:])
		m0 := archsimd.LoadFloat32x8Slice(row[0:])
		m1 := archsimd.LoadFloat32x8Slice(row[lanes:])
		m2 := archsimd.LoadFloat32x8Slice(row[2*lanes:])
		m3 := archsimd.LoadFloat32x8Slice(row[3*lanes:])
		pair := (*[2]float32)(weights[q*classes:])
		w := archsimd.BroadcastFloat32x8(pair[0])
		a0, a1 = a0.Add(w.Mul(m0)), a1.Add(w.Mul(m1))
		a2, a3 = a2.Add(w.Mul(m2)), a3.Add(w.Mul(m3))
		w = archsimd.BroadcastFloat32x8(pair[1])
		b0, b1 = b0.Add(w.Mul(m0)), b1.Add(w.Mul(m1))
		b2, b3 = b2.Add(w.Mul(m2)), b3.Add(w.Mul(m3))
	}
	storeBlock(dst, a0, a1, a2, a3)
	storeBlock(dst[width:], b0, b1, b2, b3)
}

// multiplyOne computes one block of one class's row.
func multiplyOne(dst, weights, masks []float32, queries, classes, width int) {
	var a0, a1, a2, a3 archsimd.Float32x8
	for q := range queries {
		row := (*[block]float32)(masks[q*width:])
		w := archsimd.BroadcastFloat32x8(weights[q*classes])
		a0 = a0.Add(w.Mul(archsimd.LoadFloat32x8Slice(row[0:])))
		a1 = a1.Add(w.Mul(archsimd.LoadFloat32x8Slice(row[lanes:])))
		a2 = a2.Add(w.Mul(archsimd.LoadFloat32x8Slice(row[2*lanes:])))
		a3 = a3.Add(w.Mul(archsimd.LoadFloat32x8Slice(row[3*lanes:])))
	}
	storeBlock(dst, a0, a1, a2, a3)
}

func storeBlock(dst []float32, s0, s1, s2, s3 archsimd.Float32x8) {
	out := (*[block]float32)(dst)
	s0.StoreSlice(out[0:])
	s1.StoreSlice(out[lanes:])
	s2.StoreSlice(out[2*lanes:])
	s3.StoreSlice(out[3*lanes:])
}

// multiplyColumns computes the few columns that vectors leave over.
func multiplyColumns(dst, weights, masks []float32, queries, classes, from int) {
	width := len(dst) / classes
	for c := range classes {
		for x := from; x < width; x++ {
			sum := float32(0)
			for q := range queries {
				sum += float32(weights[q*classes+c] * masks[q*width+x])
			}
			dst[c*width+x] = sum
		}
	}
}
