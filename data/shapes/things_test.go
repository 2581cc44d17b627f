package shapes

import (
	"strings"
	"testing"
)

// More things make an image fuller and the things smaller; the usual number may be
// stated or left out.
func TestThings(t *testing.T) {
	largest, most := map[int]int{}, map[int]int{}
	for _, n := range []int{0, usualThings, 20} {
		c := Config{Size: 96, Seed: 4, Things: n}
		for i := range 20 {
			count := 0
			for _, g := range c.scene("train", i).segments {
				if g.class < things && !g.crowd {
					count++
					largest[n] = max(largest[n], g.full)
				}
			}
			most[n] = max(most[n], count)
		}
	}
	if most[0] != usualThings || most[usualThings] != most[0] || largest[usualThings] != largest[0] {
		t.Errorf("most %v, largest %v", most, largest)
	}
	if most[20] < 12 || most[20] > 20 || 2*largest[20] > largest[0] {
		t.Errorf("most %v, largest %v", most, largest)
	}
	err := Generate(t.Context(), Config{Dir: t.TempDir(), Train: 1, Size: 64, Things: 1}, nil)
	if want := "up to 1 things in an image: want 2 or more, or 0 for 5"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}
