package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/parquet-go/parquet-go"

	"eomt/checkpoints"
	"eomt/checkpoints/tensor"
	"eomt/data"
	"eomt/data/coco"
	"eomt/data/loader"
	"eomt/data/transform"
	"eomt/internal/backend/backendtest"
	"eomt/losses"
)

// A run that fails after step 4 and resumes from its checkpoint of step 3
// ends with the files, and the log with the losses, of one that ran through.
func TestResumedEqualsUninterrupted(t *testing.T) {
	backendtest.Each(t, func(t *testing.T, b compute.Backend) {
		through, broken := newTrial(t, b), newTrial(t, b)
		if err := through.run(t.Context(), through.fresh(), nil); err != nil {
			t.Fatal(err)
		}

		lost := errors.New("the disk is gone")
		broken.wrap = func(from Batches) Batches {
			return wrapped(func(ctx context.Context) (*data.Batch, error) {
				batch, err := from.Next(ctx)
				if err == nil && batch.Step == 4 {
					return nil, lost
				}
				return batch, err
			})
		}
		err := broken.run(t.Context(), broken.fresh(), nil)
		if !errors.Is(err, lost) || !strings.Contains(err.Error(), "batch of step 4") {
			t.Fatalf("the broken run ended with %v", err)
		}
		if n := len(broken.entries()); n != 4 {
			t.Fatalf("%d entries before the break, want 4", n)
		}
		broken.wrap = nil
		state := broken.saved()
		if state.Step != 3 {
			t.Fatalf("resuming after step %d, want 3", state.Step)
		}
		if err := broken.run(t.Context(), state, nil); err != nil {
			t.Fatal(err)
		}

		for _, file := range []string{"params.safetensors", "optimizer.safetensors", "state.json"} {
			want, got := through.file(file), broken.file(file)
			if !bytes.Equal(want, got) {
				t.Errorf("%s differs from the uninterrupted run's", file)
			}
		}
		want, got := through.entries(), broken.entries()
		if len(got) != 6 || len(want) != 6 {
			t.Fatalf("logs of %d and %d entries, want 6 each", len(want), len(got))
		}
		for i := range want {
			if got[i].Step != i+1 || got[i].Loss != want[i].Loss || got[i].GradientNorm != want[i].GradientNorm {
				t.Errorf("entry %d is %+v\nwant %+v", i, got[i], want[i])
			}
		}
		table, err := parquet.ReadFile[Entry](filepath.Join(broken.dir, metricsTable))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(table, got) {
			t.Errorf("%s holds %+v\nwant %+v", metricsTable, table, got)
		}
	})
}

func TestNonFiniteStepStops(t *testing.T) {
	tr := newTrial(t, backendtest.Go(t))
	tr.CheckpointEvery = 1
	state := tr.fresh()
	shape := state.Params[0].Shape()
	bad := make([]float32, shape.Size())
	bad[0] = float32(math.NaN())
	state.Params[0] = tensors.FromFlatDataAndDimensions(bad, shape.Dimensions...)
	var names []string
	tr.wrap = func(from Batches) Batches {
		return wrapped(func(ctx context.Context) (*data.Batch, error) {
			batch, err := from.Next(ctx)
			names = batch.Names
			return batch, err
		})
	}
	err := tr.run(t.Context(), state, nil)
	var stop *NonFiniteError
	if !errors.As(err, &stop) || stop.Step != 0 || fmt.Sprint(stop.Images) != fmt.Sprint(names) {
		t.Fatalf("the run ended with %v, want a NonFiniteError of step 0 with %v", err, names)
	}
	for _, part := range append([]string{"step 0", "NaN", "nothing was saved yet"}, names...) {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
	tr.wantNoCheckpoint()
	if n := len(tr.entries()); n != 0 {
		t.Errorf("%d entries of a run without a step", n)
	}
}

func TestNonFiniteErrorNamesTheCheckpoint(t *testing.T) {
	err := &NonFiniteError{Step: 7, Saved: 5}
	if !strings.Contains(err.Error(), "the checkpoint of step 5 is intact") {
		t.Error(err)
	}
}

// Infinity in a loss part only reaches the total, in a gradient only the norm.
func TestFinite(t *testing.T) {
	for _, test := range []struct {
		losses Losses
		want   bool
	}{
		{Losses{Total: 1, GradientNorm: 2}, true},
		{Losses{Total: math.NaN()}, false},
		{Losses{Total: math.Inf(1)}, false},
		{Losses{GradientNorm: math.Inf(1)}, false},
		{Losses{GradientNorm: math.NaN()}, false},
	} {
		if got := test.losses.Finite(); got != test.want {
			t.Errorf("%+v: %v", test.losses, got)
		}
	}
}

// A checkpoint states epoch and position as the loader counts them: an epoch is whole
// batches, what is left over is dropped.
func TestEpochOfACheckpoint(t *testing.T) {
	tr := newTrial(t, backendtest.Go(t))
	tr.Stop, tr.StepsPerEpoch = 5, 2 // of five samples
	if err := tr.run(t.Context(), tr.fresh(), nil); err != nil {
		t.Fatal(err)
	}
	tr.saved()
	if tr.Saved.Epoch != 2 || tr.Saved.Position != 2 {
		t.Errorf("epoch %d, position %d after step 5, want 2 and 2", tr.Saved.Epoch, tr.Saved.Position)
	}
	if e := tr.entries()[4]; e.Epoch != 2.5 {
		t.Errorf("epoch %v in the log, want 2.5", e.Epoch)
	}
}

func TestInterruptedRunSavesItself(t *testing.T) {
	tr := newTrial(t, backendtest.Go(t))
	ctx, cancel := context.WithCancel(t.Context())
	tr.Progress = func(p Progress) {
		if p.Step == 2 {
			cancel()
		}
	}
	if err := tr.run(ctx, tr.fresh(), nil); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("got %v, want ErrInterrupted", err)
	}
	if step := tr.saved().Step; step != 2 {
		t.Errorf("saved after step %d, want 2", step)
	}
	tr.Progress = nil
	if err := tr.run(t.Context(), tr.saved(), nil); err != nil {
		t.Fatal(err)
	}
	if n := len(tr.entries()); n != 6 {
		t.Errorf("%d entries after resuming, want 6", n)
	}
}

// Where an interrupted run cannot be saved, it does not say that it was.
func TestInterruptedButNotSaved(t *testing.T) {
	tr := newTrial(t, backendtest.Go(t))
	if err := os.WriteFile(filepath.Join(tr.dir, "checkpoints"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := tr.run(ctx, tr.fresh(), nil)
	if err == nil || errors.Is(err, ErrInterrupted) || !strings.Contains(err.Error(), "interrupted after step 0 and not saved: checkpoints: save step 0") {
		t.Errorf("got %v", err)
	}
}

func TestInterruptedInValidation(t *testing.T) {
	tr := newTrial(t, backendtest.Go(t))
	tr.Stop = 1
	ctx, cancel := context.WithCancel(t.Context())
	err := tr.run(ctx, tr.fresh(), func(ctx context.Context, _ *State, _ []float64) (checkpoints.Metric, error) {
		cancel()
		return checkpoints.Metric{}, ctx.Err()
	})
	if !errors.Is(err, ErrInterrupted) || tr.saved().Step != 1 {
		t.Errorf("got %v, saved after step %d", err, tr.saved().Step)
	}
}

// Validation runs when due and after the last step, once each, with the mask
// probabilities of the step; the best result keeps its checkpoint.
func TestValidation(t *testing.T) {
	tr := newTrial(t, backendtest.Go(t))
	tr.ValidateEvery, tr.Keep = 2, 1
	values := map[int]float64{2: 0.3, 4: 0.7, 6: 0.5}
	var seen []int
	err := tr.run(t.Context(), tr.fresh(), func(_ context.Context, s *State, probs []float64) (checkpoints.Metric, error) {
		seen = append(seen, s.Step)
		if want := tr.step.config.Schedule.MaskProbs(s.Step); fmt.Sprint(probs) != fmt.Sprint(want) {
			t.Errorf("step %d: mask probabilities %v, want %v", s.Step, probs, want)
		}
		return checkpoints.Metric{Name: "PQ", Value: values[s.Step], Step: s.Step}, nil
	})
	if err != nil || fmt.Sprint(seen) != "[2 4 6]" {
		t.Fatalf("validated after %v: %v", seen, err)
	}
	best, err := os.Readlink(filepath.Join(tr.dir, "checkpoints", checkpoints.Best))
	if err != nil || best != "step-00000004" {
		t.Errorf("best is %q, %v", best, err)
	}
	kept, err := checkpoints.Steps(filepath.Join(tr.dir, "checkpoints"))
	if err != nil || fmt.Sprint(kept) != "[4 6]" {
		t.Errorf("checkpoints of steps %v are kept, want 4 and 6: %v", kept, err)
	}
}

// A run that was stopped in the middle of a validation begins with that validation.
func TestInterruptedValidationIsDoneOnResume(t *testing.T) {
	tr := newTrial(t, backendtest.Go(t))
	tr.Stop = 2
	if err := tr.run(t.Context(), tr.fresh(), nil); err != nil {
		t.Fatal(err)
	}
	tr.Stop, tr.ValidateEvery = 3, 2
	var s scores
	if err := tr.run(t.Context(), tr.saved(), s.validate); err != nil || fmt.Sprint(s.seen) != "[2 3]" {
		t.Errorf("validated after %v: %v", s.seen, err)
	}
}

// A run says when a step has to be compiled first, once per padded target count.
func TestCompilingIsAnnounced(t *testing.T) {
	tr := newTrial(t, backendtest.Go(t))
	var announced []int
	tr.Compiling = func(targets int) error {
		announced = append(announced, targets)
		return nil
	}
	met := map[int]bool{}
	tr.wrap = func(from Batches) Batches {
		return wrapped(func(ctx context.Context) (*data.Batch, error) {
			batch, err := from.Next(ctx)
			if err == nil {
				met[batch.M] = true
			}
			return batch, err
		})
	}
	if err := tr.run(t.Context(), tr.fresh(), nil); err != nil || len(announced) != len(met) {
		t.Errorf("announced %v, met %v: %v", announced, met, err)
	}
}

// What is told before a compilation can end the run, with nothing changed.
func TestCompilingCanEndTheRun(t *testing.T) {
	tr := newTrial(t, backendtest.Go(t))
	refused := errors.New("too large")
	tr.Compiling = func(int) error { return refused }
	state := tr.fresh()
	if err := tr.run(t.Context(), state, nil); !errors.Is(err, refused) || state.Step != 0 {
		t.Errorf("step %d, %v", state.Step, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	tr.Compiling = func(int) error { cancel(); return ctx.Err() }
	if err := tr.run(ctx, tr.fresh(), nil); !errors.Is(err, ErrInterrupted) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestValidationFails(t *testing.T) {
	tr := newTrial(t, backendtest.Go(t))
	tr.Stop = 1
	err := tr.run(t.Context(), tr.fresh(), func(context.Context, *State, []float64) (checkpoints.Metric, error) {
		return checkpoints.Metric{}, errors.New("no such image")
	})
	if want := "train: validation after step 1: no such image"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A batch that the step was not made for is refused before anything is changed.
func TestBatchOfAnotherSize(t *testing.T) {
	for _, test := range []struct {
		want  string
		spoil func(b *data.Batch)
	}{
		{"batch of step 0 has 3 images, the step takes 2", func(b *data.Batch) { b.B = 3 }},
		{"batch images are 64x32, the model takes 64x64", func(b *data.Batch) { b.H = 32 }},
	} {
		tr := newTrial(t, backendtest.Go(t))
		tr.wrap = func(from Batches) Batches {
			return wrapped(func(ctx context.Context) (*data.Batch, error) {
				batch, err := from.Next(ctx)
				test.spoil(batch)
				return batch, err
			})
		}
		err := tr.run(t.Context(), tr.fresh(), nil)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %q in it", err, test.want)
		}
		tr.wantNoCheckpoint()
	}
}

func TestRestoreRefusesAnotherModel(t *testing.T) {
	tr := newTrial(t, backendtest.Go(t))
	tr.Stop = 1
	if err := tr.run(t.Context(), tr.fresh(), nil); err != nil {
		t.Fatal(err)
	}
	loaded, err := checkpoints.Load(tr.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	wider := tr.step.config.Network.Architecture()
	wider.Hidden *= 2
	var mismatch *checkpoints.MismatchError
	if _, err := Restore(wider, loaded.Snapshot); !errors.As(err, &mismatch) {
		t.Errorf("got %v, want a MismatchError", err)
	}
	loaded.Slots["momentum"] = nil
	other, err := Restore(tr.step.config.Network.Architecture(), loaded.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.step.prepare(other); err == nil || !strings.Contains(err.Error(), `slot "momentum"`) {
		t.Errorf("a slot of another optimizer: %v", err)
	}
	delete(loaded.Slots, "momentum")
	// Names and shapes are the same, the saved state says that the network is not.
	a := tr.step.config.Network.Architecture()
	a.Heads = 4
	loaded.State.Architecture = &a
	if _, err := Restore(tr.step.config.Network.Architecture(), loaded.Snapshot); err == nil || !strings.Contains(err.Error(), "heads is 4 in the weights and 2 in the network") {
		t.Errorf("another number of heads: %v", err)
	}
}

func TestNewStateRefusesOtherShapes(t *testing.T) {
	a := smallArchitecture(3)
	name := a.Parameters()[0].Name
	_, err := NewState(a, map[string]tensor.Tensor{name: tensor.FromFloat32s(name, []int{2}, []float32{1, 2})}, 0, dtypes.Float32)
	if err == nil || !strings.Contains(err.Error(), name+": shape [2] given, want [1 1 16]") {
		t.Errorf("got %v", err)
	}
}

// The loss falls within 20 steps on real photographs, through the true instance
// path.
func TestLossFallsOnRealImages(t *testing.T) {
	root := filepath.Join("..", "..", "shared", "realdata", "coco_instance")
	if _, err := os.Stat(root); err != nil {
		t.Skipf("real samples are not at %s", root)
	}
	set, err := coco.OpenInstance(data.OpenOptions{Root: root, Split: "train"})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	c, a := small(len(set.Classes())), smallArchitecture(len(set.Classes()))
	a.Width, a.Hidden, a.Queries = 32, 64, 40
	c.Network = network(a)
	c.Schedule = Schedule{Total: 20, Annealing: AnnealingRule(20, 1)}
	c.Optimizer, c.BatchSize = recipe(3e-3, 1), 4
	c.Optimizer.LayerDecay = 1
	step, err := NewStep(backendtest.Go(t), c)
	if err != nil {
		t.Fatal(err)
	}
	state, err := NewState(a, nil, 1, dtypes.Float32)
	if err != nil {
		t.Fatal(err)
	}
	l, err := loader.New(set, loader.Config{Batch: c.BatchSize, Transform: transform.Train{H: 64, W: 64, ScaleMin: 1, ScaleMax: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var seen []float64
	config := RunConfig{Dir: t.TempDir(), Stop: 20, LogEvery: 5, CheckpointEvery: 100, StepsPerEpoch: set.Len() / c.BatchSize,
		Progress: func(p Progress) { seen = append(seen, p.Losses.Total) }}
	if err := Run(t.Context(), config, step, state, l, nil); err != nil {
		t.Fatal(err)
	}
	// The batches differ, so five steps are taken together.
	first, last := mean(seen[:5]), mean(seen[15:])
	if !(last < 0.8*first) {
		t.Errorf("the loss went from %.1f to %.1f: %.1f", first, last, seen)
	}
	t.Logf("mean loss of the first and last five of 20 steps: %.1f, %.1f", first, last)
}

func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// Points follow from the random state that the host gives. In that which the Go
// backend's generator leaves, a word is whatever memory held before.
func TestPointsFollowFromTheHostsState(t *testing.T) {
	b := backendtest.Go(t)
	step := newTrial(t, b).step
	c := step.config
	batch := quickBatch(c.Network.Architecture(), c.BatchSize, 8)
	rest, err := step.batchArguments(3, batch, 0, dtypes.Float32)
	if err != nil {
		t.Fatal(err)
	}
	exec := graph.MustNewExec(b, func(in []*graph.Node) []*graph.Node {
		got := step.draw(in, dtypes.Float32).points[0]
		want := losses.DrawPoints(c.Loss, in[inRandom], nil, losses.Drawn{Predictions: c.Network.Architecture().Predictions(), Images: batch.B, Targets: batch.M}, dtypes.Float32)[0]
		return []*graph.Node{got.CostBP2, want.CostBP2}
	})
	defer exec.Finalize()
	out := exec.MustCall(rest...)
	if !out[0].Equal(out[1]) {
		t.Error("the step's points are not those of its random state")
	}
}
