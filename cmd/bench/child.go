package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// child measures a work in a fresh process of this program: peak memory is per
// process, and leftovers of one work would slow the next.
func (o options) child(ctx context.Context, name string) (Result, error) {
	return o.spawn(ctx, name, nil)
}

// startups is how many processes are started to time their start.
const startups = 3

// startup times fresh processes from before their start until their first
// prediction is there.
func (o options) startup(ctx context.Context, result Result) (Result, error) {
	var seconds []float64
	for range startups {
		begin := time.Now()
		first, err := o.spawn(ctx, "forward", func() { seconds = append(seconds, time.Since(begin).Seconds()) })
		if err != nil {
			return result, err
		}
		result.Parameters, result.FLOPs = first.Parameters, first.FLOPs
		result.PeakRSS = max(result.PeakRSS, first.PeakRSS)
		result.Temporary = first.Temporary
	}
	result.setSeconds(seconds)
	return result, nil
}

// spawn runs a child to its end and returns its result. If ready is given, the child
// runs only once, and ready is called after that.
func (o options) spawn(ctx context.Context, name string, ready func()) (Result, error) {
	folder, err := os.MkdirTemp("", "eomt-bench-")
	if err != nil {
		return Result{}, fmt.Errorf("measure in a process: %w", err)
	}
	defer os.RemoveAll(folder)
	program, err := os.Executable()
	if err != nil {
		return Result{}, fmt.Errorf("measure in a process: %w", err)
	}
	path := filepath.Join(folder, "result.json")
	args := append([]string{"-work", name, "-json", path}, o.forwardedFlags...)
	if ready != nil {
		args = append(args, "-paced")
	}
	command := exec.CommandContext(ctx, program, args...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	var said bytes.Buffer
	command.Stderr = &said
	stdout, err := command.StdoutPipe()
	if err != nil {
		return Result{}, fmt.Errorf("measure in a process: %w", err)
	}
	if err := command.Start(); err != nil {
		return Result{}, fmt.Errorf("measure in a process: %w", err)
	}
	lines := bufio.NewReader(stdout)
	if _, err := lines.ReadString('\n'); err == nil && ready != nil {
		ready()
	}
	// A failed read shows in how the child ends.
	_, _ = io.Copy(io.Discard, lines)
	if err := command.Wait(); err != nil {
		if ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		text := strings.Split(strings.TrimSpace(said.String()), "\n")
		return Result{}, fmt.Errorf("its process failed (%w): %s", err, text[len(text)-1])
	}
	return readResult(path)
}

func readResult(path string) (Result, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Result{}, fmt.Errorf("result of a process: %w", err)
	}
	var results Results
	if err := json.Unmarshal(raw, &results); err != nil {
		return Result{}, fmt.Errorf("result of a process: %w", err)
	}
	return results.Results[0], nil
}
