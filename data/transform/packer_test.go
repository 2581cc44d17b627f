package transform

import (
	"testing"

	"pgregory.net/rapid"
)

// A packed pixel holds the kept bits of the pixel, in order.
func TestPackerKeepsBitsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.IntRange(1, 4).Draw(t, "words")
		keep := rapid.SliceOfN(rapid.Uint32(), words, words).Draw(t, "keep")
		pixels := rapid.SliceOfN(rapid.Uint32(), 3*words, 3*words).Draw(t, "pixels")
		columns := []int{2, 0, 0, 1}

		want := make([]uint32, len(columns)*words)
		kept := 0
		for m := range 32 * words {
			if keep[m/32]>>(m%32)&1 == 0 {
				continue
			}
			for c, x := range columns {
				want[c*words+kept/32] |= pixels[x*words+m/32] >> (m % 32) & 1 << (kept % 32)
			}
			kept++
		}
		got := make([]uint32, len(columns)*words)
		newPacker(keep, words).row(got, pixels, columns)
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("word %d is %032b, want %032b", i, got[i], want[i])
			}
		}
	})
}
