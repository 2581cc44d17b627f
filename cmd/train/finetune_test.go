package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// quoted is a word of a shell command, in quotes or without.
var quoted = regexp.MustCompile(`'[^']*'|\S+`)

// The commands of docs/finetune.md are accepted with its configuration, and print the
// numbers of trained parameters that its table states.
func TestFineTuningPage(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "finetune.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(string(raw), "\\\n", "")
	_, rest, _ := strings.Cut(page, "```yaml\n")
	config, _, _ := strings.Cut(rest, "```")
	mine := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(mine, []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	commands := 0
	for line := range strings.Lines(page) {
		command, _, _ := strings.Cut(line, " #")
		args, ok := strings.CutPrefix(command, "go run ./cmd/train ")
		if !ok {
			continue
		}
		commands++
		words := quoted.FindAllString(args, -1)
		for i, word := range words {
			words[i] = strings.Trim(word, "'")
			if strings.HasSuffix(word, ".yaml") {
				words[i] = mine
			}
		}
		if strings.Contains(args, "-plan") { // which compiles
			continue
		}
		if _, err := output(t, append(words, "-print-params")...); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if commands < 7 {
		t.Errorf("%d commands", commands)
	}
	for want, overrides := range map[string][]string{
		"23,926,662":         nil,
		"7,037,958 (29.4 %)": {"-set", "train.freeze=[embedding, blocks 0-8]"},
		"1,711,494 (7.2 %)":  {"-set", "train.freeze=[backbone]"},
		"2,043,270 (8.4 %)":  {"-set", "train.lora.rank=4"},
		"410,886 (1.7 %)":    {"-set", "train.lora.rank=4", "-set", "train.freeze=[mask_head, upscale]"},
	} {
		text, err := output(t, append([]string{"-config", mine, "-print-params"}, overrides...)...)
		if err != nil {
			t.Fatal(err)
		}
		number, _, _ := strings.Cut(want, " ")
		if !strings.Contains(text, " "+strings.ReplaceAll(number, ",", "")+" ") && !strings.Contains(text, "trained "+strings.ReplaceAll(number, ",", "")+" ") {
			t.Errorf("%v does not print %s", overrides, number)
		}
		if !strings.Contains(page, "| "+want) {
			t.Errorf("the page does not state %s", want)
		}
	}
}
