package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/experiment"
	"eomt/internal/cli"
)

func TestResumeFlag(t *testing.T) {
	for _, test := range []struct {
		args string
		want experiment.Resume
		err  string
	}{
		{"", experiment.ResumeNever, ""},
		{"-resume", experiment.ResumeAlways, ""},
		{"-resume -max-steps 2", experiment.ResumeAlways, ""},
		{"-resume auto -max-steps 2", experiment.ResumeAuto, ""},
		{"--resume=auto", experiment.ResumeAuto, ""},
		{"-resume=false", experiment.ResumeNever, ""},
		{"-resume never", 0, `unexpected argument "never"`},
		{"-resume=maybe", 0, "want -resume or -resume auto"},
	} {
		o, err := parse(append([]string{"-config", "x"}, strings.Fields(test.args)...))
		var usage *cli.UsageError
		switch {
		case test.err != "":
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: %v, want %q", test.args, err, test.err)
			}
		case err != nil || o.resume.Resume != test.want:
			t.Errorf("%s: %v, %v, want %v", test.args, o.resume, err, test.want)
		}
	}
}

// One command starts a run, continues it, and ends at once where it is finished.
func TestResumeAuto(t *testing.T) {
	b := newBench(t, "panoptic")
	for i, more := range [][]string{{"-max-steps", "2"}, nil, nil} {
		if _, err := b.train(append(more, "-resume", "auto")...); err != nil {
			t.Fatalf("start %d: %v", i+1, err)
		}
	}
	if steps := b.steps(); fmt.Sprint(steps) != "[1 2 3 4]" {
		t.Errorf("the log has steps %v", steps)
	}
}

// What a run finds lost or damaged when it resumes is said, and it goes on.
func TestResumeSaysWhatIsLost(t *testing.T) {
	b := newBench(t, "panoptic")
	if _, err := b.train("-set", "train.validate_every=2"); err != nil {
		t.Fatal(err)
	}
	checkpoints := filepath.Join(b.out, "checkpoints")
	if err := os.RemoveAll(filepath.Join(checkpoints, "step-00000004")); err != nil {
		t.Fatal(err)
	}
	best := filepath.Join(checkpoints, "best")
	if err := errors.Join(os.Remove(best), os.Symlink("step-00000004", best)); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(b.out, "metrics.jsonl")
	raw, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	b.write(log, string(raw[:len(raw)-9]))
	cmd := b.command(t.Context(), "-resume", "auto", "-set", "train.validate_every=2")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err, stderr.String())
	}
	for _, want := range []string{
		"step-00000004 is damaged: the folder is missing; the checkpoint before it is taken",
		"the best checkpoint cannot be used", "the last line of the log is cut off", "after step 2",
	} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("standard error lacks %q:\n%s", want, &stderr)
		}
	}
	if steps := b.steps(); fmt.Sprint(steps) != "[1 2 3 4]" {
		t.Errorf("the log has steps %v", steps)
	}
}
