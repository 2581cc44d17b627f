package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"eomt/checkpoints"
)

// limitKey names the variable that keeps the command's files below 64 kB.
const limitKey = "EOMT_TRAIN_TEST_LIMIT"

func init() {
	if os.Getenv(limitKey) == "" {
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

// A disk that takes no more ends the run with one line and exit code 1; nothing
// half-written is left for a checkpoint.
func TestDiskFullOnSave(t *testing.T) {
	b := newBench(t, "panoptic")
	b.generate()
	cmd := b.command(context.Background(), "-set", "model.mlp_hidden=1024")
	cmd.Env = append(cmd.Env, limitKey+"=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("ended with %v, want exit code 1:\n%s", err, &stderr)
	}
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	last := lines[len(lines)-1]
	for _, part := range []string{"train: checkpoints: save step 2 in ", b.out, "file too large"} {
		if !strings.Contains(last, part) {
			t.Errorf("%q lacks %q", last, part)
		}
	}
	if found, err := checkpoints.Find(b.out); !errors.Is(err, checkpoints.ErrNone) {
		t.Errorf("checkpoint %q, %v", found, err)
	}
}
