package cli

import "testing"

func TestQuote(t *testing.T) {
	for arg, want := range map[string]string{"runs/a-1": "runs/a-1", "": "''", "my run": "'my run'", "it's": `'it'\''s'`, "a=b.c": "a=b.c", "$x": "'$x'"} {
		if got := Quote(arg); got != want {
			t.Errorf("Quote(%q) = %s, want %s", arg, got, want)
		}
	}
}
