package cli

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestParseErrorsAreUsageErrors(t *testing.T) {
	f := Flags("x", "x -n N", "x -n 3")
	f.Int("n", 0, "a number")
	var usage *UsageError
	if err := Parse(f, []string{"-m"}); !errors.As(err, &usage) || !strings.Contains(err.Error(), "not defined: -m") {
		t.Errorf("unknown flag: %v", err)
	}
	if err := Parse(f, []string{"-n", "many"}); !errors.As(err, &usage) || !strings.Contains(err.Error(), `invalid value "many" for flag -n`) {
		t.Errorf("wrong value: %v", err)
	}
}

func TestPanicBecomesAnError(t *testing.T) {
	err := guarded(context.Background(), func(context.Context, []string) error { panic("shapes differ") })
	if err == nil || err.Error() != "internal fault, please report it: shapes differ" {
		t.Errorf("%v", err)
	}
}

func TestErrorsAreOneLine(t *testing.T) {
	if got := oneLine("a\nb\n"); got != "a; b" {
		t.Errorf("%q", got)
	}
}
