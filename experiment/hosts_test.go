package experiment

import (
	"strings"
	"testing"

	"eomt/data"
)

func TestDifferingHosts(t *testing.T) {
	same := presence{Host: "one", Program: "a", Training: "a", Validation: "a", Configuration: "a", Weights: "a", Step: 3}
	if err := differing([]presence{same, same}); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(p *presence){
		"program":                  func(p *presence) { p.Program = "b" },
		"set of training images":   func(p *presence) { p.Training, p.Configuration = "b", "b" },
		"set of validation images": func(p *presence) { p.Validation = "b" },
		"configuration":            func(p *presence) { p.Configuration = "b" },
		"step":                     func(p *presence) { p.Step = 4 },
		"weights":                  func(p *presence) { p.Weights = "b" },
	} {
		other := same
		other.Host = "three"
		change(&other)
		want := "hosts: rank 2 (three) has another " + what + " than rank 0 (one): "
		if err := differing([]presence{same, same, other}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// changed is a data set whose last sample has another pixel.
type changed struct{ data.Dataset }

func (c changed) Load(i int) (*data.Sample, error) {
	s, err := c.Dataset.Load(i)
	if err == nil && i == c.Len()-1 {
		s.Image.Pix[0]++
	}
	return s, err
}

func TestFingerprint(t *testing.T) {
	path, _ := tiny(t)
	c := read(t, path)
	var prints []string
	for _, split := range []string{"train", "train", "val"} {
		set, err := OpenDataset(t.Context(), c, split, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer set.Close()
		prints = append(prints, fingerprint(set))
		if prints[0] == fingerprint(changed{set}) {
			t.Errorf("%s: a changed pixel is not seen", split)
		}
	}
	if prints[0] != prints[1] || prints[0] == prints[2] {
		t.Error(prints)
	}
}
