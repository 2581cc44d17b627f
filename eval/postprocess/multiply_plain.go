//go:build !(goexperiment.simd && amd64)

package postprocess

// multiply is [multiplyRows].
func multiply(dst, weights, masks []float32, queries, classes int) {
	multiplyRows(dst, weights, masks, queries, classes)
}
