package experiment

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"eomt/checkpoints/weights"
	"eomt/configs"
	"eomt/data"
	"eomt/losses"
	"eomt/model"
	"eomt/train"
)

// tiny is a configuration of a run of moments on generated shapes, which lie in the
// folder of the file.
func tiny(t *testing.T) (path, root string) {
	t.Helper()
	dir := t.TempDir()
	path, root = filepath.Join(dir, "tiny.yaml"), filepath.Join(dir, "shapes")
	text := fmt.Sprintf(`task: panoptic
model: {size: custom, image: [64, 64], queries: 6, width: 16, blocks: 2, heads: 2, mlp_hidden: 32, query_blocks: 1, patch: 8}
data: {format: shapes, root: %s, batch: 2, shapes: {train: 4, val: 2, size: 64, seed: 3}}
train: {total_steps: 2, points: 32, log_every: 1, warmup: [0, 0]}
`, root)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path, root
}

func read(t *testing.T, path string, overrides ...string) configs.Config {
	t.Helper()
	c, err := configs.Read(path, overrides...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// open opens a run in dir and returns its notes.
func open(t *testing.T, c configs.Config, o Options) (*Run, string, error) {
	t.Helper()
	var notes strings.Builder
	o.Backend, o.Notes = "go", &notes
	run, err := Open(t.Context(), c, o)
	if run != nil {
		t.Cleanup(func() {
			if err := run.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return run, notes.String(), err
}

// Class tables of training and validation data that differ end a run before it starts.
func TestClassTablesAreCompared(t *testing.T) {
	for name, test := range map[string]struct{ old, new, want string }{
		"another name": {`"name":"circle"`, `"name":"disc"`, `called "circle" in training, "disc" in validation`},
		"stuff":        {`"isthing":1`, `"isthing":0`, "thing in training, stuff in validation"},
	} {
		t.Run(name, func(t *testing.T) {
			path, root := tiny(t)
			c := read(t, path)
			set, err := OpenDataset(t.Context(), c, "train", nil)
			if err != nil {
				t.Fatal(err)
			}
			set.Close()
			file := filepath.Join(root, "annotations", "panoptic_val2017.json")
			raw, err := os.ReadFile(file)
			if err != nil || !strings.Contains(string(raw), test.old) {
				t.Fatalf("%v: no %s in the annotations", err, test.old)
			}
			if err := os.WriteFile(file, []byte(strings.Replace(string(raw), test.old, test.new, 1)), 0o666); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "run")
			_, _, err = open(t, c, Options{Dir: out})
			if err == nil || !strings.Contains(err.Error(), "the class tables of training and validation differ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v lacks %q", err, test.want)
			}
			if _, err := os.Stat(out); !os.IsNotExist(err) {
				t.Errorf("a run folder is left: %v", err)
			}
		})
	}
}

// A broken validation image ends a run before it starts.
func TestValidationImagesAreChecked(t *testing.T) {
	path, root := tiny(t)
	c := read(t, path)
	set, err := OpenDataset(t.Context(), c, "train", nil)
	if err != nil {
		t.Fatal(err)
	}
	set.Close()
	images, err := filepath.Glob(filepath.Join(root, "val2017", "*.jpg"))
	if err != nil || len(images) != 2 {
		t.Fatalf("%v, %v", images, err)
	}
	if err := os.Truncate(images[1], 100); err != nil {
		t.Fatal(err)
	}
	_, _, err = open(t, c, Options{Dir: filepath.Join(t.TempDir(), "run")})
	if err == nil || !strings.Contains(err.Error(), "check images") || !strings.Contains(err.Error(), filepath.Base(images[1])) {
		t.Error(err)
	}
}

// What is not found names the folder that a relative data.root stands for.
func TestRelativeRootIsLocated(t *testing.T) {
	path, _ := tiny(t)
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = open(t, read(t, path, "data.shapes=", "data.root=some/where"), Options{Dir: "run"})
	if want := "(data.root is some/where, relative to the current directory: " + filepath.Join(here, "some", "where") + ")"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v lacks %q", err, want)
	}
}

// Resuming under another configuration names the keys with both values.
func TestResumeNamesChangedKeys(t *testing.T) {
	path, _ := tiny(t)
	out := filepath.Join(t.TempDir(), "run")
	trained(t, read(t, path), Options{Dir: out, MaxSteps: 1})
	again, notes, err := open(t, read(t, path), Options{Dir: out, Resume: ResumeAlways})
	if err != nil || strings.Contains(notes, "another configuration") || !strings.Contains(notes, "after step 1") {
		t.Errorf("the same configuration: %v, %q", err, notes)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	changed := read(t, filepath.Join(out, "config.yaml"), "train.lr=2e-3", "train.epochs=2")
	_, notes, err = open(t, changed, Options{Dir: out, Resume: ResumeAlways})
	if want := "saved under another configuration: train.epochs 0 -> 2; train.total_steps 2 -> 0; train.lr 0.0001 -> 0.002"; err != nil || !strings.Contains(notes, want) {
		t.Errorf("%v, %q lacks %q", err, notes, want)
	}
}

// A run is resumed with its batch in another number of shares.
func TestResumeWithOtherAccumulation(t *testing.T) {
	path, _ := tiny(t)
	out := filepath.Join(t.TempDir(), "run")
	trained(t, read(t, path), Options{Dir: out, MaxSteps: 1})
	again, notes, err := open(t, read(t, path, "train.accumulate=2"), Options{Dir: out, Resume: ResumeAlways})
	if err != nil || !strings.Contains(notes, "train.accumulate 1 -> 2") {
		t.Fatalf("%v, %q", err, notes)
	}
	if err := again.Train(t.Context()); err != nil || again.State.Step != 2 {
		t.Errorf("after step %d: %v", again.State.Step, err)
	}
}

// A run is not resumed on data whose classes have changed.
func TestResumeOnOtherClasses(t *testing.T) {
	path, root := tiny(t)
	out := filepath.Join(t.TempDir(), "run")
	trained(t, read(t, path), Options{Dir: out, MaxSteps: 1})
	for _, split := range []string{"train", "val"} {
		file := filepath.Join(root, "annotations", "panoptic_"+split+"2017.json")
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.Replace(string(raw), `"name":"circle"`, `"name":"disc"`, 1)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := open(t, read(t, path), Options{Dir: out, Resume: ResumeAlways})
	if want := "the run was trained on other classes than the data set has: 1 of 8 differ"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v lacks %q", err, want)
	}
}

// The constants of loss and optimiser reach the step.
func TestConstantsReachTheStep(t *testing.T) {
	path, _ := tiny(t)
	c := read(t, path, "loss={mask: 1, dice: 2, class: 3, no_object: 0.2, oversample: 4, important: 0.5}",
		"train.accumulate=2", "train.beta1=0.8", "train.beta2=0.99", "train.epsilon=1e-6", "train.weight_decay=0.2", "train.clip_norm=3",
		"train.lr=5e-4", "train.layer_decay=0.5", "train.query_blocks_full_rate=true", "train.ema=0.9", "train.points=64", "train.freeze=[q]", "train.multipliers={q: 3}", "train.warmup=[1, 2]", "train.annealing.off=true")
	r, a, err := Resolve(c, 4, 8)
	if err != nil {
		t.Fatal(err)
	}
	network, err := model.New(a)
	if err != nil {
		t.Fatal(err)
	}
	s := StepConfig(r, network)
	if want := (losses.Config{Mask: 1, Dice: 2, Class: 3, NoObject: .2, Points: 64, Oversample: 4, Importance: .5}); s.Loss != want {
		t.Errorf("loss %+v, want %+v", s.Loss, want)
	}
	if want := (train.OptimizerConfig{LearningRate: 5e-4, WeightDecay: .2, LayerDecay: .5, QueryBlocksFullRate: true, ClipNorm: 3,
		Beta1: .8, Beta2: .99, Epsilon: 1e-6, EMA: .9}); s.Optimizer != want {
		t.Errorf("optimiser %+v, want %+v", s.Optimizer, want)
	}
	if f := s.FineTune; len(f.Freeze) != 1 || f.Multipliers["q"] != 3 {
		t.Errorf("fine-tuning %+v", f)
	}
	if s.BatchSize != 2 || s.Accumulate != 2 {
		t.Errorf("a batch of %d images in %d shares", s.BatchSize, s.Accumulate)
	}
	if s.Schedule.Total != 2 || s.Schedule.WarmupBackbone != 2 || s.Schedule.Annealing != nil {
		t.Errorf("schedule %+v", s.Schedule)
	}
}

func TestOtherClassesAreNoted(t *testing.T) {
	classes := []data.Class{{ID: 3, Name: "cat", Thing: true}, {ID: 9, Name: "sky"}}
	other := slices.Clone(classes)
	other[1].Name = "sea"
	const want = `1 of 2 differ (output 1 was class 9 "sea" (stuff) and is now class 9 "sky" (stuff))`
	for name, test := range map[string]struct {
		model weights.Model
		want  string
	}{
		"same":        {weights.Model{Classes: classes}, ""},
		"table":       {weights.Model{Classes: other}, want},
		"names":       {weights.Model{Labels: []string{"cat", "sea"}}, want},
		"same names":  {weights.Model{Labels: []string{"cat", "sky"}}, ""},
		"not stated":  {weights.Model{}, ""},
		"other count": {weights.Model{Labels: []string{"cat"}}, ""},
	} {
		test.model.Architecture.Queries = 1
		if got := otherClasses(&test.model, classes); test.want == "" != (got == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	backbone := weights.Model{Classes: other}
	if got := otherClasses(&backbone, classes); got != "" {
		t.Errorf("a backbone alone: %q", got)
	}
}

// Without a folder, a run has runs/NAME.
func TestDefaultFolder(t *testing.T) {
	path, _ := tiny(t)
	c := read(t, path)
	t.Chdir(t.TempDir())
	if _, _, err := open(t, c, Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join("runs", "tiny", "config.yaml")); err != nil {
		t.Error(err)
	}
}

// trained is a run to its last step.
func trained(t *testing.T, c configs.Config, o Options) {
	t.Helper()
	run, _, err := open(t, c, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
}
