package stats

import (
	"encoding/json"
	"strings"
	"testing"
)

type stat struct {
	Image int64 `json:"image"`
}

func (s stat) Key() int64 { return s.Image }

func TestOrderDoesNotMatter(t *testing.T) {
	var a, b Set[int64, stat]
	for _, id := range []int64{10, -3, 2} {
		if err := a.Add(stat{id}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []int64{2, 10} {
		if err := b.Add(stat{id}); err != nil {
			t.Fatal(err)
		}
	}
	var c Set[int64, stat]
	if err := json.Unmarshal([]byte(`[{"image": -3}]`), &c); err != nil {
		t.Fatal(err)
	}
	if err := b.Merge(&c); err != nil {
		t.Fatal(err)
	}
	const want = `[{"image":-3},{"image":2},{"image":10}]`
	for _, set := range []*Set[int64, stat]{&a, &b} {
		if text, err := json.Marshal(set); err != nil || string(text) != want {
			t.Errorf("%s, %v, want %s", text, err, want)
		}
	}
}

func TestDuplicate(t *testing.T) {
	var a, b Set[int64, stat]
	if err := a.Add(stat{3}); err != nil {
		t.Fatal(err)
	}
	if err := b.Add(stat{3}); err != nil {
		t.Fatal(err)
	}
	if err := b.Add(stat{4}); err != nil {
		t.Fatal(err)
	}
	for want, err := range map[string]error{
		"stats: add: duplicate image 3":   a.Add(stat{3}),
		"stats: merge: duplicate image 3": a.Merge(&b),
		"duplicate image 5":               json.Unmarshal([]byte(`[{"image": 5}, {"image": 5}]`), new(Set[int64, stat])),
		"stats: read statistics: json: ":  json.Unmarshal([]byte(`{"image": 3}`), new(Set[int64, stat])),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if n := len(a.Images()); n != 1 {
		t.Errorf("%d images after a merge that failed, want 1", n)
	}
}
