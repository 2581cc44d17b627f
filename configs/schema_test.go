package configs

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

// Every key is documented, every number has a range, and the default lies in it.
func TestEveryKeyIsDeclared(t *testing.T) {
	for _, k := range Keys(Default()) {
		if !strings.HasSuffix(k.Doc, ".") {
			t.Errorf("%s: doc %q is not a sentence", k.Name, k.Doc)
		}
		if hasNumbers := isNumeric(k.value.Type()); hasNumbers != (k.Range != "") {
			t.Errorf("%s: numbers %v, range %q", k.Name, hasNumbers, k.Range)
		}
		if reason := k.check(); reason != "" && !strings.HasPrefix(k.Name, "data.shapes.") {
			t.Errorf("%s: the default: %s", k.Name, reason)
		}
		k.Type()
	}
}

func isNumeric(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return isNumeric(t.Elem())
	case reflect.Int, reflect.Uint64, reflect.Float64:
		return true
	}
	return false
}

func TestIntervals(t *testing.T) {
	for _, test := range []struct {
		tag  string
		x    float64
		want bool
	}{
		{"[0, 1]", 0, true}, {"[0, 1]", 1, true}, {"[0, 1]", 1.1, false}, {"[0, 1]", -1, false},
		{"(0, 1)", 0, false}, {"(0, 1)", 1, false}, {"(0, 1)", .5, true},
		{"[0, inf)", math.Inf(1), false}, {"[0, inf)", 1e300, true}, {"[0, inf)", math.NaN(), false},
	} {
		if got := parseInterval(test.tag).holds(test.x); got != test.want {
			t.Errorf("%v in %s: %v", test.x, test.tag, got)
		}
	}
}

func TestNearestName(t *testing.T) {
	known := []string{"seed", "data", "data.batch", "eval.batch", "train.total_steps", "train.lr", "loss.dice"}
	for name, want := range map[string]string{
		"sed": "seed", "train.totl_steps": "train.total_steps", "train.total_setps": "train.total_steps",
		"train.batch": "data.batch", "dta": "data", "train.learning_rate": "", "x": "", "train.totalsteps": "train.total_steps",
		"train.lrr": "train.lr", "data.train.batc": "", "data.batc": "data.batch",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// Any text reads as a configuration or gives an error, and what reads is written as
// a file that reads as the same.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{sound, "a: &x 1\nb: *x\n", "seed: 1e3\n", "data: {root: x, shapes: null}\ntrain: {epochs: .5}\n",
		"<<: {a: 1}\n", "? [a]\n: b\n", "train: {annealing: {first: [0, 1]}}\n"} {
		f.Add(seed, "train.lr=3")
	}
	f.Fuzz(func(t *testing.T, document, override string) {
		path := file(t, document)
		c, err := Read(path)
		if err != nil {
			return
		}
		var text strings.Builder
		if err := c.Write(&text); err != nil {
			t.Fatal(err)
		}
		again, err := Read(file(t, text.String()))
		if err != nil {
			t.Fatalf("written as\n%s\nand refused: %v", &text, err)
		}
		if d := Differences(c, again); d != nil {
			t.Fatalf("written as\n%s\nwhich differs: %q", &text, d)
		}
		_, _ = Read(path, override)
	})
}
