package main

import (
	"errors"
	"strings"
	"testing"

	"eomt/internal/cli"
)

func TestPlan(t *testing.T) {
	b := newBench(t, "panoptic")
	text, err := output(t, b.args("-plan", "-memory", "24GiB")...)
	if err != nil || !strings.Contains(text, "tiny on go: 64 x 64 px, batch 2") || !strings.Contains(text, "reports no temporary memory") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestPlanOptions(t *testing.T) {
	for args, want := range map[string]string{
		"-plan -memory 24":      `-memory: memory "24": want a number with a unit, such as 24GiB, 80GB or 500MiB`,
		"-memory 24GiB":         "-memory is for -plan only",
		"-plan -print-config":   "-plan cannot be combined with -print-config",
		"-plan -backend abacus": `unknown backend "abacus"`,
	} {
		_, err := output(t, append([]string{"-config", large}, strings.Fields(args)...)...)
		var usage *cli.UsageError
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || strings.HasPrefix(want, "-") && !errors.As(err, &usage) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}
