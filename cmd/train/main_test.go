package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/checkpoints"
	"eomt/configs"
	"eomt/experiment"
	"eomt/internal/cli"
	"eomt/internal/cli/clitest"
)

// commandKey names the environment variable that turns this test binary into the
// command itself, for tests of signals and exit codes.
const commandKey = "EOMT_TRAIN_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(commandKey) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// tiny is a run of moments on generated shapes.
const tiny = `name: tiny
task: TASK
model: {size: custom, image: [64, 64], queries: 6, width: 16, blocks: 2, heads: 2, mlp_hidden: 32, query_blocks: 1, patch: 8, registers: 1}
data: {format: shapes, root: ROOT, batch: 2, shapes: {train: 4, val: 2, size: 64, seed: 3}}
train: {total_steps: 4, points: 32, log_every: 1, checkpoint_every: 2, warmup: [1, 1]}
`

// bench is a folder with a configuration, its data set and runs.
type bench struct {
	t                 *testing.T
	config, root, out string
}

func newBench(t *testing.T, task string) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{t: t, config: filepath.Join(dir, "tiny.yaml"), root: filepath.Join(dir, "shapes"), out: filepath.Join(dir, "run")}
	b.write(b.config, strings.NewReplacer("ROOT", b.root, "TASK", task).Replace(tiny))
	return b
}

func (b *bench) write(path, text string) {
	b.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		b.t.Fatal(err)
	}
}

// args are a training run's, on the Go backend.
func (b *bench) args(more ...string) []string {
	return append([]string{"-backend", "go", "-config", b.config, "-out", b.out}, more...)
}

// train runs the command in this process and returns its standard output.
func (b *bench) train(more ...string) (string, error) {
	b.t.Helper()
	return output(b.t, b.args(more...)...)
}

// generate makes the data set by a run of no interest.
func (b *bench) generate() {
	b.t.Helper()
	c, err := configs.Read(b.config)
	if err != nil {
		b.t.Fatal(err)
	}
	set, err := experiment.OpenDataset(b.t.Context(), c, "train", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := set.Close(); err != nil {
		b.t.Fatal(err)
	}
}

func output(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return clitest.Output(t, run, args...)
}

// steps are those of the run's log.
func (b *bench) steps() (steps []int) {
	b.t.Helper()
	file, err := os.Open(filepath.Join(b.out, "metrics.jsonl"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer file.Close()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		var entry struct{ Step int }
		if err := json.Unmarshal(scanner.Bytes(), &entry); err != nil {
			b.t.Fatal(err)
		}
		steps = append(steps, entry.Step)
	}
	return steps
}

// A run stops after -max-steps, resumes with -resume, ends, and leaves the files
// that were promised.
func TestTrainAndResume(t *testing.T) {
	b := newBench(t, "panoptic")
	if _, err := b.train("-resume"); err == nil || !strings.Contains(err.Error(), b.out+" holds no checkpoint; leave -resume out") {
		t.Errorf("-resume without a run: %v", err)
	}
	text, err := b.train("-max-steps", "3")
	if err != nil || !strings.Contains(text, "step 3, 2 validation images") {
		t.Fatalf("%v\n%s", err, text)
	}
	if _, err := b.train(); err == nil || !strings.Contains(err.Error(), b.out+" already holds a run: resume it with -resume") {
		t.Errorf("a second run into the folder: %v", err)
	}
	if _, err := b.train("-resume", "-set", "model.width=32"); err == nil || !strings.Contains(err.Error(), "step-00000003") {
		t.Errorf("resuming as another model: %v", err)
	}
	if text, err = b.train("-resume"); err != nil || !strings.Contains(text, "step 4, 2 validation images") {
		t.Fatalf("%v\n%s", err, text)
	}
	if steps := b.steps(); len(steps) != 4 || steps[3] != 4 {
		t.Errorf("the log has steps %v, want 1 to 4", steps)
	}
	for _, name := range []string{"config.yaml", "provenance.json", "metrics.jsonl", "eval/step-00000003.json",
		"eval/step-00000004.json", "checkpoints/latest/params.safetensors", "checkpoints/best/state.json"} {
		if _, err := os.Stat(filepath.Join(b.out, name)); err != nil {
			t.Error(err)
		}
	}
	raw, err := os.ReadFile(filepath.Join(b.out, "provenance.json"))
	if err != nil || !strings.Contains(string(raw), `"resumes": [`) {
		t.Errorf("provenance %s, %v", raw, err)
	}
	resolved, err := configs.ReadResolved(filepath.Join(b.out, "config.yaml"))
	if err != nil || resolved.Derived.Images != 4 || resolved.Derived.Steps != 4 || len(resolved.Derived.Annealing.Start) != 1 {
		t.Errorf("resolved configuration %+v, %v", resolved, err)
	}
}

// A validation that was cut off is done on resume, before the next step.
func TestResumeValidatesFirst(t *testing.T) {
	b := newBench(t, "panoptic")
	every := []string{"-set", "train.validate_every=2"}
	if _, err := b.train(append(every, "-max-steps", "2")...); err != nil {
		t.Fatal(err)
	}
	result := filepath.Join(b.out, "eval", "step-00000002.json")
	for _, path := range []string{result, filepath.Join(b.out, "validations.json")} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.train(append(every, "-resume", "-max-steps", "3")...); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{result, filepath.Join(b.out, "eval", "step-00000003.json")} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// A run starts from a whole model with other classes where its class head is named as new.
func TestStartFromModelOfOtherClasses(t *testing.T) {
	eight, four := newBench(t, "panoptic"), newBench(t, "instance")
	if _, err := eight.train("-max-steps", "1"); err != nil {
		t.Fatal(err)
	}
	from := "weights=" + eight.out
	if _, err := four.train("-set", from); err == nil || !strings.Contains(err.Error(), "classes is 8 in the weights and 4 in the network (take the data set they were trained on, or new_parameters: [class_head.] to train other classes)") {
		t.Errorf("weights of other classes: %v", err)
	}
	if _, err := four.train("-set", from, "-set", "new_parameters=[class_head.]", "-max-steps", "1"); err != nil {
		t.Error(err)
	}
}

// Every bad input is one line that names file and field, and leaves no run behind.
func TestBadInput(t *testing.T) {
	for name, test := range map[string]struct {
		task  string
		spoil func(b *bench)
		args  []string
		want  []string
		begun bool // the run folder is there: the fault lies in a sample, met on the way
	}{
		"no data": {args: []string{"-set", "data.format=coco", "-set", "data.shapes=", "-set", "data.root=no/such/place"}, want: []string{"no/such/place"}},
		"unknown key": {
			spoil: func(b *bench) { b.write(b.config, "task: panoptic\ntrian: {}\n") },
			want:  []string{"tiny.yaml: line 2: unknown key trian; did you mean train?"},
		},
		"unknown category": {
			task: "instance",
			spoil: func(b *bench) {
				b.replace("annotations/instances_train2017.json", `"category_id":`, `"category_id":77`)
			},
			want: []string{"instances_train2017.json", "annotation", "is not among the categories"},
		},
		"truncated image": {
			spoil: func(b *bench) { b.cut("train2017/000000000002.jpg") },
			want:  []string{"000000000002.jpg", "batch of step"}, begun: true,
		},
		"label map of another size": {
			spoil: func(b *bench) {
				b.copy("annotations/panoptic_val2017/000000500001.png", "annotations/panoptic_train2017/000000000002.png")
			},
			want: []string{"000000000002.png", "has 64 x 64 pixels", "but its image"}, begun: true,
		},
		"no targets": {
			task:  "instance",
			spoil: func(b *bench) { b.empty("annotations/instances_train2017.json") },
			want:  []string{"instances_train2017.json", "has no image with an annotation"},
		},
		"crowds only": {
			task:  "instance",
			spoil: func(b *bench) { b.replaceAll("annotations/instances_train2017.json", `"iscrowd":0`, `"iscrowd":1`) },
			want:  []string{"no sample to train on", ".jpg"}, begun: true,
		},
		"image size":          {args: []string{"-set", "model.image=[64, 60]"}, want: []string{"tiny.yaml", "image width 60", "multiple of the patch, 8"}},
		"batch too large":     {args: []string{"-set", "data.batch=5"}, want: []string{"4 samples are fewer than one batch of 5"}},
		"weights not there":   {args: []string{"-set", "weights=no/such/weights"}, want: []string{"weights", "no/such/weights"}},
		"too many annealings": {args: []string{"-set", "train.annealing={start: [0, 1], end: [1, 2]}"}, want: []string{"train.annealing", "2 spans for 1 query blocks"}},
		"format without task": {args: []string{"-set", "data.format=folder", "-set", "data.shapes="}, want: []string{"task: panoptic: data.format folder has targets for semantic"}},
	} {
		t.Run(name, func(t *testing.T) {
			task := test.task
			if task == "" {
				task = "panoptic"
			}
			b := newBench(t, task)
			b.generate()
			if test.spoil != nil {
				test.spoil(b)
			}
			_, err := b.train(test.args...)
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v\nlacks %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is more than one line", err)
			}
			if _, err := os.Stat(b.out); test.begun == os.IsNotExist(err) {
				t.Errorf("run folder: %v, to be there: %v", err, test.begun)
			}
			if found, err := checkpoints.Find(b.out); !errors.Is(err, checkpoints.ErrNone) {
				t.Errorf("checkpoint %q, %v; nothing was to be saved", found, err)
			}
		})
	}
}

func (b *bench) edit(name string, change func(raw []byte) []byte) {
	b.t.Helper()
	path := filepath.Join(b.root, name)
	raw, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	b.write(path, string(change(raw)))
}

func (b *bench) replace(name, old, new string) {
	b.t.Helper()
	b.edit(name, func(raw []byte) []byte { return []byte(strings.Replace(string(raw), old, new, 1)) })
}

func (b *bench) replaceAll(name, old, new string) {
	b.t.Helper()
	b.edit(name, func(raw []byte) []byte { return []byte(strings.ReplaceAll(string(raw), old, new)) })
}

func (b *bench) cut(name string) {
	b.t.Helper()
	b.edit(name, func(raw []byte) []byte { return raw[:len(raw)/2] })
}

func (b *bench) copy(from, to string) {
	b.t.Helper()
	raw, err := os.ReadFile(filepath.Join(b.root, from))
	if err != nil {
		b.t.Fatal(err)
	}
	b.edit(to, func([]byte) []byte { return raw })
}

// empty leaves an annotation file without annotations.
func (b *bench) empty(name string) {
	b.t.Helper()
	b.edit(name, func(raw []byte) []byte {
		var document map[string]any
		if err := json.Unmarshal(raw, &document); err != nil {
			b.t.Fatal(err)
		}
		document["annotations"] = []any{}
		out, err := json.Marshal(document)
		if err != nil {
			b.t.Fatal(err)
		}
		return out
	})
}

func TestUsage(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"nothing":   {nil, "-config is missing"},
		"argument":  {[]string{"-config", "x", "more"}, `unexpected argument "more"`},
		"flag":      {[]string{"-steps", "3"}, "flag provided but not defined: -steps"},
		"max steps": {[]string{"-config", "x", "-max-steps", "-1"}, "-max-steps -1: want a positive number"},
	} {
		_, err := output(t, test.args...)
		var usage *cli.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v lacks %q", name, err, test.want)
		}
	}
	if text, err := output(t, "-h"); err == nil || !strings.Contains(text, "Example:") {
		t.Errorf("-h: %q, %v", text, err)
	}
}
