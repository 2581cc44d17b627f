package postprocess

// multiplyRows computes dst[c, x] = sum over q of weights[q, c] * masks[q, x],
// adding in the order of q. dst is [C, X], masks [Q, X].
func multiplyRows(dst, weights, masks []float32, queries, classes int) {
	width := len(dst) / classes
	clear(dst)
	q := 0
	for ; q+4 <= queries; q += 4 {
		m0, m1 := masks[q*width:][:width], masks[(q+1)*width:][:width]
		m2, m3 := masks[(q+2)*width:][:width], masks[(q+3)*width:][:width]
		for c := range classes {
			w0, w1 := weights[q*classes+c], weights[(q+1)*classes+c]
			w2, w3 := weights[(q+2)*classes+c], weights[(q+3)*classes+c]
			row := dst[c*width:][:width]
			for x := range row {
				sum := row[x] + float32(w0*m0[x])
				sum += float32(w1 * m1[x])
				sum += float32(w2 * m2[x])
				row[x] = sum + float32(w3*m3[x])
			}
		}
	}
	for ; q < queries; q++ {
		mask := masks[q*width:][:width]
		for c := range classes {
			row, weight := dst[c*width:][:width], weights[q*classes+c]
			for x := range row {
				row[x] += float32(weight * mask[x])
			}
		}
	}
}
