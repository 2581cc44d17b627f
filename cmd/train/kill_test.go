package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"eomt/train"
)

// A run that is killed at random moments and resumed each time ends with the weights,
// moments, state, log, validations and best checkpoint of one that was never stopped.
func TestKilledRunEndsAsOneNeverStopped(t *testing.T) {
	const kills = 4
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	more := []string{"-set", "train.total_steps=12", "-set", "train.checkpoint_every=2", "-set", "train.validate_every=2", "-set", "train.keep=1"}
	whole := newBench(t, "panoptic")
	begun := time.Now()
	if out, err := whole.command(t.Context(), more...).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	span := time.Since(begun)

	killed := *whole
	killed.out = filepath.Join(t.TempDir(), "run")
	resume := func() []string {
		if entries, err := os.ReadDir(filepath.Join(killed.out, "checkpoints")); err != nil || len(entries) == 0 || killed.hasOnlyParts() {
			return more
		}
		return append(slices.Clone(more), "-resume")
	}
	for range kills {
		cmd := killed.command(t.Context(), resume()...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rng.Int64N(int64(span))))
		cmd.Process.Kill() // it may have ended
		cmd.Wait()
	}
	if out, err := killed.command(t.Context(), resume()...).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}

	for _, name := range []string{"validations.json", "checkpoints/step-00000012/params.safetensors", "checkpoints/step-00000012/optimizer.safetensors",
		"checkpoints/step-00000012/state.json", "checkpoints/best/params.safetensors", "checkpoints/best/state.json"} {
		want, err := os.ReadFile(filepath.Join(whole.out, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(killed.out, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
	if got, want := killed.log(), whole.log(); got != want {
		t.Errorf("log\n%s\nwant\n%s", got, want)
	}
}

// hasOnlyParts reports whether no checkpoint of the run is complete.
func (b *bench) hasOnlyParts() bool {
	steps, err := filepath.Glob(filepath.Join(b.out, "checkpoints", "step-*"))
	return err == nil && len(steps) == 0
}

// log is the run's log without what measures time and memory.
func (b *bench) log() string {
	b.t.Helper()
	entries, err := train.ReadEntries(b.out)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := range entries {
		entries[i].Time, entries[i].ImagesPerSec, entries[i].DataWait, entries[i].Memory = time.Time{}, 0, 0, 0
	}
	text, err := json.MarshalIndent(entries, "", " ")
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}
