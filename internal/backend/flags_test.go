package backend

import (
	"errors"
	"slices"
	"testing"
)

func TestProgramName(t *testing.T) {
	for code, want := range map[string]string{
		"module @train_step {\n}":            "train_step",
		"module @predict attributes {a = 1}": "predict",
		"#loc\nmodule @a.b-c\n":              "a.b-c",
		"module @x":                          "x",
		"module {}":                          "",
		"ML\xefR\r":                          "",
		"":                                   "",
	} {
		if got := programName([]byte(code)); got != want {
			t.Errorf("%q: %q, want %q", code, got, want)
		}
	}
}

func TestFlagsOfPrograms(t *testing.T) {
	t.Setenv(flagsEnv, " predict: --b=2 --a ; train: c=3;; nothing")
	for program, want := range map[string][]string{
		"predict":     {"a=true", "b=2"},
		"train_step":  {"c=3"},
		"":            nil,
		"pre":         nil,
		"nothing_set": nil,
	} {
		if got := flagsOf(program); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", program, got, want)
		}
	}
	failed := errors.New("failed")
	err := Quickly(func() error {
		if got := flagsOf("train"); !slices.Equal(got, []string{"c=3", "xla_backend_optimization_level=0"}) {
			t.Errorf("quickly: %q", got)
		}
		return failed
	})
	if err != failed || len(flagsOf("x")) > 0 {
		t.Errorf("%v, then %q", err, flagsOf("x"))
	}
}

// An entry of the map in XLA's encoding, by hand: field 7, of field 1 (name) and
// field 2 (value), of field 1 (text) or 2 (truth value).
func TestWithFlags(t *testing.T) {
	got := withFlags([]byte{0x10, 1}, []string{"ab=c", "d=true"})
	want := []byte{0x10, 1, 7<<3 | 2, 9, 1<<3 | 2, 2, 'a', 'b', 2<<3 | 2, 3, 1<<3 | 2, 1, 'c',
		7<<3 | 2, 7, 1<<3 | 2, 1, 'd', 2<<3 | 2, 2, 2 << 3, 1}
	if !slices.Equal(got, want) {
		t.Errorf("% x, want % x", got, want)
	}
}
