package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"eomt/checkpoints"
	"eomt/train"
	"eomt/train/tensorboard/tensorboardtest"
)

// killsKey names the variable with the number of kills of TestKilledRunEndsAsOneNeverStopped
// (make chaos).
const killsKey = "EOMT_CHAOS_KILLS"

// A run that is killed (SIGKILL) at random moments, every second time while it saves,
// and started again by the same command each time ends with the weights, moments, state,
// log, validations, best checkpoint and charts of one that was never stopped.
func TestKilledRunEndsAsOneNeverStopped(t *testing.T) {
	kills := 3
	if text := os.Getenv(killsKey); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	c := chaos{rng: rand.New(rand.NewPCG(seed, 0)), steps: max(12, 8*kills)}
	t.Logf("seed %d, %d steps", seed, c.steps)
	whole := newBench(t, "panoptic")
	c.measure(whole)

	killed := *whole
	killed.out = filepath.Join(t.TempDir(), "run")
	var table strings.Builder
	done := 0
	for done < kills {
		row, alive := c.kill(&killed, done%2 == 1)
		if !alive {
			break
		}
		done++
		fmt.Fprintf(&table, "\n%4d  %s", done, row)
	}
	t.Logf("killed %d times\nkill  after   newest checkpoint  while saving%s", done, &table)
	if done < kills {
		t.Errorf("the run ended after %d kills, want %d", done, kills)
	}
	if out, err := killed.command(t.Context(), c.args()...).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	same(t, &killed, whole, c.steps)
}

// chaos kills runs of a length.
type chaos struct {
	rng   *rand.Rand
	steps int
	first time.Duration // to the first logged step
	step  time.Duration
}

// args start or resume the run, with saves and validations in plenty.
func (c *chaos) args() []string {
	return []string{"-resume", "auto", "-set", fmt.Sprintf("train.total_steps=%d", c.steps), "-set", "train.checkpoint_every=2",
		"-set", "train.validate_every=4", "-set", "train.keep=1", "-set", "model.mlp_hidden=512"}
}

// measure does the run without a kill.
func (c *chaos) measure(b *bench) {
	b.t.Helper()
	var out bytes.Buffer
	cmd := b.command(b.t.Context(), c.args()...)
	cmd.Stdout, cmd.Stderr = &out, &out
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	waitFor(b.t, filepath.Join(b.out, "metrics.jsonl"))
	c.first = time.Since(begun)
	if err := cmd.Wait(); err != nil {
		b.t.Fatal(err, out.String())
	}
	c.step = (time.Since(begun) - c.first) / time.Duration(c.steps)
}

// kill starts the run and kills it: at a random moment, or at one while it saves. It
// returns what it met, and false where the run had ended before.
func (c *chaos) kill(b *bench, saving bool) (row string, alive bool) {
	b.t.Helper()
	cmd := b.command(b.t.Context(), c.args()...)
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	if saving {
		for !b.isSaving(begun) && !over(ended) {
			time.Sleep(50 * time.Microsecond)
		}
		time.Sleep(time.Duration(c.rng.Int64N(int64(3 * time.Millisecond))))
	} else {
		select {
		case <-time.After(time.Duration(c.rng.Int64N(int64(c.first + 6*c.step)))):
		case <-ended:
		}
	}
	alive = !over(ended)
	cmd.Process.Kill()
	<-ended
	newest := "none"
	if path, err := checkpoints.Find(b.out); err == nil {
		newest = filepath.Base(path)
	}
	inside := ""
	if b.isSaving(begun) {
		inside = "yes"
	}
	return fmt.Sprintf("%5.1fs  %-17s  %s", time.Since(begun).Seconds(), newest, inside), alive && killedBySignal(cmd)
}

func killedBySignal(cmd *exec.Cmd) bool { return cmd.ProcessState.ExitCode() == -1 }

func over(ended chan struct{}) bool {
	select {
	case <-ended:
		return true
	default:
		return false
	}
}

// isSaving reports whether a checkpoint is half-written that was begun after a time:
// one of an earlier kill stays until the next save.
func (b *bench) isSaving(begun time.Time) bool {
	parts, err := filepath.Glob(filepath.Join(b.out, "checkpoints", ".part-step-*"))
	if err != nil {
		return false
	}
	for _, part := range parts {
		if info, err := os.Stat(part); err == nil && info.ModTime().After(begun) {
			return true
		}
	}
	return false
}

// same holds what a run left against what another left.
func same(t *testing.T, got, want *bench, steps int) {
	t.Helper()
	last := fmt.Sprintf("checkpoints/step-%08d/", steps)
	for _, name := range []string{"validations.json", last + "params.safetensors", last + "optimizer.safetensors", last + "state.json",
		"checkpoints/best/params.safetensors", "checkpoints/best/state.json"} {
		wanted, err := os.ReadFile(filepath.Join(want.out, name))
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := os.ReadFile(filepath.Join(got.out, name)); err != nil || !bytes.Equal(raw, wanted) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
	if got, want := got.log(), want.log(); got != want {
		t.Errorf("log\n%s\nwant\n%s", got, want)
	}
	charts, wanted := got.charts(), want.charts()
	for tag := range wanted {
		if !reflect.DeepEqual(charts[tag], wanted[tag]) {
			t.Errorf("chart %s\n%v\nwant\n%v", tag, charts[tag], wanted[tag])
		}
	}
	if len(charts) != len(wanted) {
		t.Errorf("%d charts, want %d", len(charts), len(wanted))
	}
}

// charts are TensorBoard's, without what measures time and memory. A value that was
// written twice counts once.
func (b *bench) charts() map[string]map[int]tensorboardtest.Event {
	b.t.Helper()
	charts := map[string]map[int]tensorboardtest.Event{}
	for tag, events := range tensorboardtest.Read(b.t, filepath.Join(b.out, "tensorboard")) {
		if strings.HasPrefix(tag, "speed/") {
			continue
		}
		charts[tag] = map[int]tensorboardtest.Event{}
		for _, e := range events {
			charts[tag][e.Step] = e
		}
	}
	return charts
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
