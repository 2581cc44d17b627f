package spelling

import (
	"slices"
	"testing"
)

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "abd", 1},
		{"ab", "ba", 1}, {"kitten", "sitting", 3}, {"total_setps", "total_steps", 1},
	} {
		if got := Distance(test.a, test.b); got != test.want {
			t.Errorf("%q, %q: %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"backbone", "mask_head", "class_head", "q"}
	if got := Nearest("clas_head", known, 2); !slices.Equal(got, []string{"class_head", "mask_head"}) {
		t.Errorf("%v", got)
	}
	if got := Nearest("x", known[:1], 3); !slices.Equal(got, known[:1]) {
		t.Errorf("%v", got)
	}
}
