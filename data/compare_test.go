package data

import (
	"slices"
	"strings"
	"testing"
)

func TestCompareClasses(t *testing.T) {
	train := []Class{{ID: 7, Name: "cat", Thing: true}, {ID: 23, Name: "dog", Thing: true}, {ID: 901, Name: "sky"}}
	edit := func(change func(c []Class)) []Class {
		c := slices.Clone(train)
		change(c)
		return c
	}
	for name, test := range map[string]struct {
		val  []Class
		want string
	}{
		"equal":    {train, ""},
		"colours":  {edit(func(c []Class) { c[1].Color = [3]uint8{1, 2, 3} }), ""},
		"order":    {edit(func(c []Class) { c[0], c[1] = c[1], c[0] }), `2 of 3 rows (3 training classes, 3 validation classes): row 0 is class 7 "cat" in training, class 23 "dog" in validation`},
		"id":       {edit(func(c []Class) { c[2].ID = 902 }), `1 of 3 rows`},
		"name":     {edit(func(c []Class) { c[1].Name = "hound" }), `row 1 is class 23, called "dog" in training, "hound" in validation`},
		"kind":     {edit(func(c []Class) { c[2].Thing = true }), `row 2 is class 901 "sky", stuff in training, thing in validation`},
		"one less": {train[:2], `1 of 3 rows (3 training classes, 2 validation classes): row 2, class 901 "sky", is in the training data only`},
		"one more": {append(slices.Clone(train), Class{ID: 902, Name: "sea"}), `1 of 4 rows (3 training classes, 4 validation classes): row 3, class 902 "sea", is in the validation data only`},
		"none":     {nil, `3 of 3 rows`},
	} {
		err := CompareClasses(train, test.val)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v\nlacks %q", name, err, test.want)
		}
	}
}
