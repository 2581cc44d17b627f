package backend

import "github.com/gomlx/compute"

// WidensProducts reports whether matrix products of 16-bit floats must be computed with
// their operands as float32, which is exact, on a backend.
//
// XLA on a processor does the same, with further copies of the operands, and fails when
// it runs if the result is float32 ("Unsupported element type for DotThunk::Execute:
// BF16 x BF16 = F32"). The backend "go" has wrong sums of bfloat16 in its AVX kernels
// (docs/upstream/compute-bf16-product.md).
func WidensProducts(b compute.Backend) bool {
	xla, ok := b.(interface{ IsCPU() bool })
	return !ok || xla.IsCPU()
}
