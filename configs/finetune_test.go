package configs

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Factors by name are read, overridden, checked and written as other values are.
func TestNumbersByName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	text := "data: {root: x}\ntrain: {total_steps: 1, freeze: [embedding, blocks 0-7], multipliers: {backbone: 0.5, q: 2}}\n"
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if f := c.Train.FineTune; f.Multipliers["backbone"] != 0.5 || f.Multipliers["q"] != 2 || len(f.Freeze) != 2 || f.Freeze[1] != "blocks 0-7" {
		t.Errorf("%+v", f)
	}
	var written bytes.Buffer
	if err := c.Write(&written); err != nil {
		t.Fatal(err)
	}
	if want := "  multipliers: {backbone: 0.5, q: 2}\n"; !strings.Contains(written.String(), want) {
		t.Errorf("%q is not in\n%s", want, written.String())
	}
	other, err := Read(path, "train.multipliers={class_head.: 3}")
	if err != nil {
		t.Fatal(err)
	}
	if got := Differences(c, other); len(got) != 1 || got[0] != "train.multipliers {backbone: 0.5, q: 2} -> {class_head.: 3}" {
		t.Errorf("%q", got)
	}
	for override, want := range map[string]string{
		"train.multipliers={backbone: 0}":   "{backbone: 0} is outside of (0, inf)",
		"train.multipliers={backbone: two}": "want numbers by name",
		"train.multipliers=2":               "want numbers by name",
	} {
		if _, err := Read(path, override); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", override, err, want)
		}
	}
}
