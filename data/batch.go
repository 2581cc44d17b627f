package data

// Batch is B images of one size with their targets padded to M, as the training
// step takes them. All slices are row-major.
type Batch struct {
	Step    int      // the training step that this batch is for, from 0
	Epoch   int      // completed passes over the data set at its first image
	Names   []string // [B], for messages
	B, H, W int
	M       int      // padded targets per image, one of [Buckets]
	Images  []uint8  // [B, H, W, 3] RGB
	Masks   []uint32 // [B, H, W, M/32 rounded up], bits as in [Planes]
	Classes []int32  // [B, M]; 0 if padded
	Valid   []bool   // [B, M]; valid targets come first
}

// Buckets are the padded target counts, ascending. One compilation of the
// training step serves all batches of a bucket.
var Buckets = []int{8, 16, 32, 64, 128}

// Bucket returns the smallest of [Buckets] that holds n targets; beyond the
// largest it returns the largest, and the caller drops targets.
func Bucket(n int) int {
	for _, b := range Buckets {
		if n <= b {
			return b
		}
	}
	return Buckets[len(Buckets)-1]
}
