package cli

import (
	"strings"
	"testing"
)

func TestExitError(t *testing.T) {
	var out strings.Builder
	if code := report(&out, "predict", &ExitError{3, "2 of 9 images failed"}, false); code != 3 || out.String() != "predict: 2 of 9 images failed\n" {
		t.Errorf("%d, %q", code, out.String())
	}
}
