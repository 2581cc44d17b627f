package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// command is the command in a process of its own.
func (b *bench) command(ctx context.Context, more ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], b.args(more...)...)
	cmd.Env = append(os.Environ(), commandKey+"=1")
	return cmd
}

// Ctrl-C in the middle of training ends it with exit code 1 and one line, and
// the run resumes from there.
func TestInterrupt(t *testing.T) {
	b := newBench(t, "panoptic")
	cmd := b.command(t.Context(), "-set", "train.total_steps=100000", "-set", "train.checkpoint_every=100000")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, filepath.Join(b.out, "metrics.jsonl"))
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("ended with %v, want exit code 1:\n%s", err, &stderr)
	}
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "train: interrupted: saved after step ") || !strings.HasSuffix(last, "with -resume continues from there") {
		t.Errorf("the last line is %q", last)
	}
	before := b.steps()
	if _, err := b.train("-resume", "-max-steps", "1", "-set", "train.total_steps=100000"); err != nil {
		t.Fatal(err)
	}
	if after := b.steps(); len(after) < len(before) || after[len(before)-1] != len(before) {
		t.Errorf("steps %v became %v", before, after)
	}
}

// A second start into the folder of a run that has no checkpoint yet is refused and
// changes nothing; once that run is killed the folder is free.
func TestSecondStartIsRefused(t *testing.T) {
	b := newBench(t, "panoptic")
	cmd := b.command(t.Context(), "-set", "train.total_steps=100000", "-set", "train.checkpoint_every=100000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(b.out, "checkpoints", ".part-step-00000007")
	waitFor(t, filepath.Join(b.out, "metrics.jsonl"))
	if err := os.MkdirAll(part, 0o777); err != nil {
		t.Fatal(err)
	}
	before := b.steps()
	for _, more := range [][]string{nil, {"-resume"}} {
		_, err := b.train(more...)
		if want := fmt.Sprintf("%s is in use by process %d on ", b.out, cmd.Process.Pid); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a second start %v: %v, want %q", more, err, want)
		}
	}
	if _, err := os.Stat(part); err != nil {
		t.Error(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // killed
	if after := b.steps(); len(after) < len(before) {
		t.Errorf("steps %v became %v", before, after)
	}
	if _, err := b.train("-max-steps", "1"); err != nil {
		t.Error(err)
	}
	if steps := b.steps(); len(steps) != 1 {
		t.Errorf("the log of the third start has steps %v", steps)
	}
}

// waitFor waits until a file has something in it.
func waitFor(t *testing.T, path string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			return
		}
	}
	t.Fatalf("nothing in %s after a minute", path)
}

// A damaged newest checkpoint is stepped over, loudly and without deleting anything:
// the run resumes from the one before, with its logs cut back to there, and ends as if
// nothing had happened.
func TestResumeStepsOverADamagedCheckpoint(t *testing.T) {
	b := newBench(t, "panoptic")
	if _, err := b.train(); err != nil {
		t.Fatal(err)
	}
	last := filepath.Join(b.out, "checkpoints", "step-00000004", "params.safetensors")
	want, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	b.write(last, string(want[:len(want)/2]))
	var stderr strings.Builder
	cmd := b.command(t.Context(), "-resume", "-max-steps", "3")
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err, stderr.String())
	}
	for _, part := range []string{"WARNING", last, "resuming " + b.out + " after step 2"} {
		if !strings.Contains(stderr.String(), part) {
			t.Errorf("standard error lacks %q:\n%s", part, &stderr)
		}
	}
	if raw, err := os.ReadFile(last); err != nil || len(raw) != len(want)/2 {
		t.Errorf("the damaged file was changed: %d bytes, %v", len(raw), err)
	}
	if steps := b.steps(); fmt.Sprint(steps) != "[1 2 3]" {
		t.Errorf("the log has steps %v", steps)
	}
	if _, err := b.train("-resume"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(last); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the parameters after step 4 differ: %v", err)
	}
}
