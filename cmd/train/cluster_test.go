//go:build mpi && linux

package main

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"eomt/checkpoints"
	"eomt/train"
)

// mpirun is what starts the ranks of these tests (make cluster-test).
var mpirun = []string{"--allow-run-as-root", "--oversubscribe"}

// ranks runs two ranks of the command under mpirun, each of which appends to what it
// prints; each rank has further arguments of its own.
func (b *bench) ranks(first, second []string, more ...string) *exec.Cmd {
	args := append([]string{}, mpirun...)
	for i, own := range [][]string{first, second} {
		if i > 0 {
			args = append(args, ":")
		}
		args = append(append(args, "-n", "1", os.Args[0]), b.args(append(append([]string{}, more...), own...)...)...)
	}
	cmd := exec.CommandContext(b.t.Context(), "mpirun", args...)
	cmd.Env = append(os.Environ(), commandKey+"=1")
	return cmd
}

// global is a batch that four devices share.
var global = []string{"-set", "data.batch=4", "-set", "data.shapes.train=16", "-set", "data.shapes.val=5", "-set", "train.total_steps=20"}

// Twenty steps on two ranks of two devices are those of one process on one device; a
// validation is the same to the byte, and one process goes on where two ranks stopped.
func TestTwoRanksOfTwoDevices(t *testing.T) {
	one := newBench(t, "panoptic")
	on := append([]string{"-backend", "xla:cpu", "-set", "train.validate_every=20"}, global...)
	if _, err := one.train(on...); err != nil {
		t.Fatal(err)
	}
	two := *one
	two.out = filepath.Join(t.TempDir(), "run")
	out, err := two.ranks(nil, nil, append(on, "-set", "train.devices=2")...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"rank 0 of 2: host ", "rank 1 of 2: host "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing:\n%s", want, out)
		}
	}
	near(t, one.out, two.out)
	again := *one
	again.out = filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(again.out, os.DirFS(filepath.Join(two.out))); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{again.out, two.out} { // for the validation to be done again
		for _, name := range []string{train.ValidationsFile, "eval"} {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := again.train(append(on, "-resume")...); err != nil {
		t.Fatal(err)
	}
	if out, err := two.ranks(nil, nil, append(on, "-set", "train.devices=2", "-resume")...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if diff := cmp.Diff(figures(t, again.out), figures(t, two.out)); diff != "" {
		t.Error(diff)
	}
}

// near compares checkpoints and logs of two runs.
func near(t *testing.T, one, two string) {
	t.Helper()
	a, err := checkpoints.Load(one)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := checkpoints.Load(two)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	worst := 0.0
	for i, p := range a.Params {
		x, errX := p.Float32s()
		y, errY := b.Params[i].Float32s()
		if errX != nil || errY != nil || len(x) != len(y) {
			t.Fatal(p.Name, errX, errY)
		}
		for k := range x {
			worst = max(worst, math.Abs(float64(x[k]-y[k])))
		}
	}
	// Sums in another order, divided by their own size (Adam).
	if worst > 1e-5 {
		t.Errorf("parameters differ by %g", worst)
	}
	x, errX := train.ReadEntries(one)
	y, errY := train.ReadEntries(two)
	if errX != nil || errY != nil || len(x) != 20 || len(y) != 20 {
		t.Fatal(len(x), errX, len(y), errY)
	}
	loss := 0.0
	for i := range x {
		loss = max(loss, math.Abs(x[i].Loss-y[i].Loss)/x[i].Loss)
	}
	if loss > 1e-6 {
		t.Errorf("losses differ by %g", loss)
	}
	t.Logf("parameters differ by %.2g, losses by %.2g", worst, loss)
}

// figures are a validation's result without its time, and its predictions' file.
func figures(t *testing.T, dir string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "eval", "step-00000020.json"))
	if err != nil {
		t.Fatal(err)
	}
	result := map[string]any{}
	if err := json.Unmarshal(raw, &result); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"seconds", "config", "weights"} {
		delete(result, name)
	}
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	predictions, err := os.ReadFile(filepath.Join(dir, "eval", "step-00000020", "panoptic.json"))
	if err != nil {
		t.Fatal(err)
	}
	return []string{string(text), string(predictions)}
}

var rankLine = regexp.MustCompile(`rank (\d) of 2: host \S+, process (\d+)`)

// running starts a run without end on two ranks and gives rank 1's process.
func (b *bench) running() (cmd *exec.Cmd, out *strings.Builder, rank1 *os.Process) {
	b.t.Helper()
	cmd, out = b.ranks(nil, nil, append(append([]string{}, global...), "-set", "train.total_steps=100000", "-set", "train.checkpoint_every=2")...), &strings.Builder{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	waitFor(b.t, filepath.Join(b.out, "metrics.jsonl"))
	raw, err := os.ReadFile(filepath.Join(b.out, "provenance.json"))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, match := range rankLine.FindAllStringSubmatch(string(raw), -1) {
		if pid, err := strconv.Atoi(match[2]); match[1] == "1" && err == nil {
			rank1, _ = os.FindProcess(pid)
		}
	}
	if rank1 == nil {
		b.t.Fatalf("no process of rank 1 in %s", raw)
	}
	return cmd, out, rank1
}

// done are the steps of the newest checkpoint.
func (b *bench) done() int {
	b.t.Helper()
	loaded, err := checkpoints.Load(b.out)
	if err != nil {
		b.t.Fatal(err)
	}
	defer loaded.Close()
	return loaded.State.Step
}

// A rank that is killed, or hangs, ends the other within a minute with a message, and
// one process goes on from the last checkpoint, on other numbers of devices.
func TestLostRank(t *testing.T) {
	for signal, want := range map[syscall.Signal]string{
		syscall.SIGKILL: "exited on signal 9",
		syscall.SIGSTOP: "rank 1 has given no sign of life for ",
	} {
		t.Run(signal.String(), func(t *testing.T) {
			b := newBench(t, "panoptic")
			cmd, out, rank1 := b.running()
			waitFor(t, filepath.Join(b.out, "checkpoints", "latest"))
			lost := time.Now()
			if err := rank1.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil || !strings.Contains(out.String(), want) {
				t.Errorf("%v, %q is missing:\n%s", err, want, out)
			}
			took := time.Since(lost)
			if took > time.Minute {
				t.Errorf("ended after %v", took)
			}
			t.Logf("ended after %v", took)
			// Two devices of one process go on, with the moments shared out, then one device.
			done := b.done()
			for i, devices := range [][]string{{"-set", "train.devices=2", "-set", "train.shard_optimizer=true"}, nil} {
				more := append([]string{"-backend", "xla:cpu", "-set", "train.total_steps=100000", "-resume", "-max-steps", strconv.Itoa(done + i + 1)}, global[:6]...)
				if _, err := b.train(append(more, devices...)...); err != nil || b.done() != done+i+1 {
					t.Errorf("gone on after step %d with %v: after step %d, %v", done, devices, b.done(), err)
				}
			}
		})
	}
}

// A rank that is asked to stop stops all at the same step, with the state saved.
func TestStopOfOneRank(t *testing.T) {
	b := newBench(t, "panoptic")
	cmd, out, rank1 := b.running()
	if err := rank1.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("ended without an error")
	}
	stops := regexp.MustCompile(`interrupted: saved after step (\d+)`).FindAllStringSubmatch(out.String(), -1)
	if len(stops) != 2 || stops[0][1] != stops[1][1] {
		t.Fatalf("%v:\n%s", stops, out)
	}
	loaded, err := checkpoints.Load(b.out)
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	if got := strconv.Itoa(loaded.State.Step); got != stops[0][1] {
		t.Errorf("saved after step %s, said %s", got, stops[0][1])
	}
}

// Early stopping, with averages, other rates and rare classes drawn more often, ends
// two ranks without an error after the step after which it ends one process.
func TestRanksStopEarly(t *testing.T) {
	one := newBench(t, "panoptic")
	two := *one
	two.out = filepath.Join(t.TempDir(), "run")
	on := append([]string{}, global...)
	for _, setting := range []string{"train.validate_every=2", "train.early_stop.patience=1", "train.early_stop.least=1",
		"train.multipliers={class_head: 5}", "train.ema=0.9", "data.sampling=balanced", "data.sampling_threshold=1"} {
		on = append(on, "-set", setting)
	}
	if _, err := one.train(on...); err != nil {
		t.Fatal(err)
	}
	if out, err := two.ranks(nil, nil, on...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if one.done() != 4 || two.done() != 4 {
		t.Errorf("one process ended after step %d, two ranks after %d, want 4", one.done(), two.done())
	}
}

// Ranks that start from something else are refused before the first step.
func TestDifferingRanks(t *testing.T) {
	b := newBench(t, "panoptic")
	here, there := t.TempDir(), t.TempDir()
	b.write(b.config, strings.NewReplacer("ROOT", "shapes", "TASK", "panoptic").Replace(tiny))
	t.Chdir(here)
	b.start(1)
	if err := os.CopyFS(there, os.DirFS(here)); err != nil {
		t.Fatal(err)
	}
	for what, prepare := range map[string]func(t *testing.T) (dir, program string, more []string){
		"configuration": func(*testing.T) (string, string, []string) { return here, os.Args[0], []string{"-set", "train.lr=1"} },
		"program": func(t *testing.T) (string, string, []string) {
			raw, err := os.ReadFile(os.Args[0])
			if err != nil {
				t.Fatal(err)
			}
			other := filepath.Join(t.TempDir(), "other")
			if err := os.WriteFile(other, append(raw, 0), 0o777); err != nil {
				t.Fatal(err)
			}
			return here, other, nil
		},
		"weights": func(t *testing.T) (string, string, []string) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(here)); err != nil {
				t.Fatal(err)
			}
			t.Chdir(dir)
			if err := os.RemoveAll("start"); err != nil {
				t.Fatal(err)
			}
			b.start(2)
			return dir, os.Args[0], nil
		},
		"set of training images": func(t *testing.T) (string, string, []string) {
			images, err := filepath.Glob(filepath.Join(there, "shapes", "train2017", "*"))
			if err != nil || len(images) < 2 {
				t.Fatal(images, err)
			}
			raw, err := os.ReadFile(images[1])
			if err != nil {
				t.Fatal(err)
			}
			b.write(images[0], string(raw))
			return there, os.Args[0], nil
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir, program, more := prepare(t)
			args := append(append([]string{}, mpirun...), "-wdir", here, "-n", "1", os.Args[0])
			args = append(append(args, b.args("-set", "weights=start")...), ":", "-wdir", dir, "-n", "1", program)
			cmd := exec.CommandContext(t.Context(), "mpirun", append(append(args, b.args("-set", "weights=start")...), more...)...)
			cmd.Env = append(os.Environ(), commandKey+"=1")
			out, err := cmd.CombinedOutput()
			if want := "has another " + what + " than rank 0"; err == nil || !strings.Contains(string(out), want) || !strings.Contains(string(out), "rank 1 (") {
				t.Errorf("%v, %q is missing:\n%s", err, want, out)
			}
			if err := os.RemoveAll(b.out); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// start makes weights to start from in the current folder.
func (b *bench) start(seed int) {
	b.t.Helper()
	own := *b
	own.out = "start"
	if _, err := own.train("-max-steps", "1", "-set", "seed="+strconv.Itoa(seed)); err != nil {
		b.t.Fatal(err)
	}
}
