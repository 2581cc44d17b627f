package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// smallDisk moves the run's folder to a file system of so many bytes.
func (b *bench) smallDisk(size int) {
	b.t.Helper()
	b.generate()
	if err := os.Mkdir(b.out, 0o777); err != nil {
		b.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", b.out, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		b.t.Skipf("mounting a tmpfs needs more rights: %v", err)
	}
	b.t.Cleanup(func() { syscall.Unmount(b.out, 0) })
}

// A run on a disk that fills up waits, says so, goes on once there is space, and ends as
// if nothing had happened.
func TestFullDiskIsWaitedFor(t *testing.T) {
	more := []string{"-set", "train.validate_every=2", "-set", "train.disk_retry=2", "-set", "train.keep=1", "-set", "train.total_steps=12"}
	calm, b := newBench(t, "panoptic"), newBench(t, "panoptic")
	if _, err := calm.train(more...); err != nil {
		t.Fatal(err)
	}
	b.smallDisk(4 << 20)
	ballast := filepath.Join(b.out, "ballast")
	fill := func() {
		raw := make([]byte, 4<<20)
		os.WriteFile(ballast, raw, 0o600) // as much as fits
	}
	fill()
	cmd := b.command(t.Context(), append(more, "-resume", "auto")...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		line := lines.Text()
		said = append(said, line)
		switch {
		case strings.HasPrefix(line, "WARNING: the disk is full: "):
			if err := os.Remove(ballast); err != nil {
				t.Error(err)
			}
		case strings.HasPrefix(line, "the lock of the run folder is written after waiting "):
			go func() { // again, in the middle of training
				for info, err := os.Stat(filepath.Join(b.out, "metrics.jsonl")); err != nil || info.Size() == 0; info, err = os.Stat(filepath.Join(b.out, "metrics.jsonl")) {
					time.Sleep(time.Millisecond)
				}
				fill()
			}()
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err, strings.Join(said, "\n"))
	}
	if n := strings.Count(strings.Join(said, "\n"), "WARNING: the disk is full: "); n < 2 {
		t.Errorf("waited %d times, want twice at least:\n%s", n, strings.Join(said, "\n"))
	}
	for _, name := range []string{"validations.json", "checkpoints/step-00000012/params.safetensors", "checkpoints/step-00000012/optimizer.safetensors"} {
		want, err := os.ReadFile(filepath.Join(calm.out, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(b.out, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
	if got, want := b.log(), calm.log(); got != want {
		t.Errorf("log\n%s\nwant\n%s", got, want)
	}
}

// A disk that stays full ends the run with what is intact, from which it resumes.
func TestFullDiskEndsTheRun(t *testing.T) {
	b := newBench(t, "panoptic")
	b.smallDisk(4 << 20)
	if _, err := b.train("-max-steps", "2"); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(b.out, "ballast")
	var space syscall.Statfs_t
	if err := syscall.Statfs(b.out, &space); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ballast, make([]byte, int(space.Bavail)*int(space.Bsize)-(100<<10)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := b.train("-resume", "-set", "train.disk_retry=0.01")
	if err == nil || !strings.Contains(err.Error(), "no space left on device; waited 600ms for space in vain: the checkpoint of step 2 is intact; free some space and resume") {
		t.Fatalf("%v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if _, err := b.train("-resume", "-max-steps", "3"); err != nil {
		t.Fatal(err)
	}
	if steps := b.steps(); fmt.Sprint(steps) != "[1 2 3]" {
		t.Errorf("the log has steps %v", steps)
	}
}
