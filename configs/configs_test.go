package configs

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"eomt/data"
	"eomt/train"
)

// file writes a configuration file.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

const sound = "data: {root: x}\ntrain: {epochs: 1}\n"

func TestEveryConfigurationReads(t *testing.T) {
	read := 0
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" || strings.HasPrefix(path, "testdata") {
			return err
		}
		read++
		if _, err := Read(path); err != nil {
			t.Error(err)
		}
		raw, err := os.ReadFile(path)
		for _, part := range []string{"# Command:", "# Hardware:", "# Expected:", "\nname: "} {
			if !bytes.Contains(raw, []byte(part)) {
				t.Errorf("%s lacks %q", path, part)
			}
		}
		return err
	})
	if err != nil || read < 25 {
		t.Errorf("%d configurations: %v", read, err)
	}
}

// Every committed configuration, as given and resolved, is written as a file that
// reads as the same configuration.
func TestWriteThenRead(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" || strings.HasPrefix(path, "testdata") {
			return err
		}
		c, err := Read(path)
		if err != nil {
			return err
		}
		resolved, err := c.Resolve(2000, 11, 3)
		if err != nil {
			return err
		}
		resolved.Derived.Accumulate = 2 // as train.fit leads to
		var written, withDerived bytes.Buffer
		if err := errors.Join(c.Write(&written), resolved.Write(&withDerived)); err != nil {
			return err
		}
		for _, text := range []string{written.String(), withDerived.String()} {
			again, err := Read(file(t, text))
			if err != nil {
				return err
			}
			if diff := cmp.Diff(c, again); diff != "" {
				t.Errorf("%s: %s", path, diff)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestStrictFiles(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"unknown key":        {"task: panoptic\ntrain:\n  lr: 1\n  totl_steps: 2\n", "c.yaml: line 4: unknown key train.totl_steps; did you mean train.total_steps?"},
		"key of no name":     {"train: {learning_rate: 2}\n", "line 1: unknown key train.learning_rate; docs/configuration.md lists all keys"},
		"other section":      {"train: {batch: 2}\n", "unknown key train.batch; did you mean data.batch?"},
		"unknown section":    {"dta: {}\n", "line 1: unknown key dta; did you mean data?"},
		"two unknown":        {"a: 1\nbb: 2\n", "line 1: unknown key a; docs/configuration.md lists all keys; c.yaml: line 2: unknown key bb"},
		"word for a number":  {sound + "seed: many\n", `line 3: seed: want a whole number of at least 0, got "many"`},
		"fraction":           {sound + "model: {queries: 2.7}\n", `line 3: model.queries: want a whole number, got "2.7"`},
		"fraction in a list": {sound + "model: {image: [64, 2.7]}\n", "line 3: model.image: want a list of 2 numbers, got [64, 2.7]"},
		"null in a list":     {sound + "model: {image: [64, null]}\n", "line 3: model.image: want a list of 2 numbers, got [64, null]"},
		"alias of null":      {sound + "name: &x\nmodel: {image: [64, *x]}\n", "line 4: model.image: want a list of 2 numbers"},
		"null in a span":     {sound[:len(sound)-2] + ", annealing: {first: [1, ~]}}\n", "train.annealing.first: want a list of whole numbers, got [1, ~]"},
		"octal":              {sound + "seed: 010\n", `line 3: seed: want a whole number of at least 0, got "010"`},
		"beyond 64 bits":     {sound + "seed: 18446744073709551616\n", `line 3: seed: want a whole number of at least 0, got "18446744073709551616"`},
		"scale descends":     {"data: {root: x, scale: [2, 0.5]}\ntrain: {epochs: 1}\n", "data.scale: [2, 0.5] must be in ascending order"},
		"negative":           {sound + "seed: -1\n", "line 3: seed: want a whole number of at least 0"},
		"no value":           {sound + "seed:\n", "line 3: seed: has no value"},
		"list for a mapping": {"model: [1]\n", "line 1: model: is a section: state keys below it, as model.size"},
		"key twice":          {"seed: 1\nseed: 2\n", "line 2: seed: duplicate key"},
		"three sizes":        {"model: {image: [1, 2, 3]}\n", "line 1: model.image: want a list of 2 numbers, got [1, 2, 3]"},
		"list for a file":    {"[1]\n", "line 1: want keys with values"},
		"empty":              {"", "the file is empty"},
		"comments only":      {"# nothing\n", "the file is empty"},
		"two documents":      {sound + "---\n" + sound, "more than one document"},
		"no YAML":            {"a: [\n", "line"},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, test.text)
			_, err := Read(path)
			if err == nil {
				t.Fatal("no error")
			}
			text := strings.ReplaceAll(strings.ReplaceAll(err.Error(), path, "c.yaml"), "\n", "; ")
			if !strings.Contains(text, test.want) || !strings.Contains(text, "c.yaml") {
				t.Fatalf("%s\nlacks %q or the file", text, test.want)
			}
			if strings.Contains(text, "configs.") {
				t.Errorf("%q names Go types", text)
			}
		})
	}
	if _, err := Read("no-such.yaml"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no-such.yaml") {
		t.Errorf("missing file: %v", err)
	}
}

func TestNameIsTheFiles(t *testing.T) {
	c, err := Read(file(t, sound))
	if err != nil || c.Name != "c" {
		t.Errorf("name %q, %v", c.Name, err)
	}
}

func TestOverrides(t *testing.T) {
	c, err := Read(file(t, sound), "train.total_steps=7", "data.scale=[0.5, 1]", "seed=9", "data.format=shapes",
		"data.shapes.train=3", "data.shapes.size=32", "name=a=b", "weights=", "loss.dice=2", "model.registers=0")
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Name, want.Seed, want.Data.Root, want.Data.Augment.Scale = "a=b", 9, "x", [2]float64{0.5, 1}
	want.Data.Format, want.Data.Shapes = "shapes", &data.Shapes{Train: 3, Size: 32}
	want.Train.Schedule.TotalSteps, want.Loss.Dice, want.Model.Registers = 7, 2, new(int)
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	for override, want := range map[string]string{
		"train.total_steps":     "-set train.total_steps: expected key=value",
		"seed=":                 `-set seed=: want a whole number of at least 0, got ""`,
		"=3":                    "-set =3: expected key=value",
		"train.totl_steps=3":    "-set train.totl_steps=3: unknown key train.totl_steps; did you mean train.total_steps?",
		"totalsteps=3":          "-set totalsteps=3: unknown key totalsteps",
		"train.total_steps=few": `-set train.total_steps=few: want a whole number, got "few"`,
		"train.total_steps.x=3": "-set train.total_steps.x=3: train.total_steps: want a whole number, got x: 3",
		"train=3":               "-set train=3: is a section: state keys below it, as train.epochs",
		"a b: c=3":              "-set a b: c=3: unknown key a b: c",
		"seed=[":                "-set seed=[: the value is not YAML",
		"seed=1\nname: x":       "expected key=value",
		"train.lr=0":            "-set train.lr=0: 0 is outside of (0, inf)",
		"derived.steps=3":       "-set derived.steps=3: what is derived is recomputed",
		"derived={steps: 3}":    "-set derived={steps: 3}: what is derived is recomputed",
	} {
		_, err := Read(file(t, sound), override)
		var usage interface{ UsageError() }
		if !errors.As(err, &usage) {
			t.Errorf("%s: %v is not an error of usage", override, err)
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "line ") && override != "seed=[" {
			t.Errorf("-set %q: %v lacks %q, or names a line", override, err, want)
		}
	}
}

// An optional section is removed by an empty value.
func TestOverrideRemovesASection(t *testing.T) {
	c, err := Read("quickstart.yaml", "data.format=coco", "data.shapes=")
	if err != nil || c.Data.Shapes != nil {
		t.Errorf("%v, %v", c.Data.Shapes, err)
	}
	if c, err = Read("quickstart.yaml", "data.shapes=null"); err != nil || c.Data.Shapes != nil {
		t.Errorf("%v, %v", c.Data.Shapes, err)
	}
	if c, err = Read(file(t, sound), "train.lr=7", "train=", " train.epochs =2"); err != nil || c.Train.Optimizer.LearningRate != Default().Train.Optimizer.LearningRate || c.Train.Schedule.Epochs != 2 {
		t.Errorf("section train taken out: rate %v, epochs %v, %v", c.Train.Optimizer.LearningRate, c.Train.Schedule.Epochs, err)
	}
	if c, err = Read(file(t, sound+"task: panoptic\n"), "data.val={images: v}", "data.val="); err != nil || c.Data.Val != (data.Files{}) {
		t.Errorf("%v, %v", c.Data.Val, err)
	}
}

func TestUnusableValues(t *testing.T) {
	if _, err := Read(file(t, sound)); err != nil {
		t.Fatal(err)
	}
	for override, field := range map[string]string{
		"task=depth":                                   "task",
		"model.size=XL":                                "model.size",
		"model.backbone=resnet":                        "model.backbone",
		"model.image=[0, 64]":                          "model.image",
		"model.queries=0":                              "model.queries",
		"model.registers=-1":                           "model.registers",
		"task=semantic":                                "task", // which coco has not
		"data.format=folder":                           "task", // which has semantic only
		"data.format=voc":                              "data.format",
		"data.exif=upright":                            "data.exif",
		"data.on_bad_sample=ignore":                    "data.on_bad_sample",
		"data.batch=0":                                 "data.batch",
		"data.workers=-1":                              "data.workers",
		"data.root=":                                   "data.root",
		"data.scale=[2, 1]":                            "data.scale",
		"data.scale=[0, 1]":                            "data.scale",
		"data.scale=[.nan, 1]":                         "data.scale",
		"loss.mask=-1":                                 "loss.mask",
		"loss.no_object=0":                             "loss.no_object",
		"loss.oversample=0.5":                          "loss.oversample",
		"loss.important=1":                             "loss.important",
		"loss={mask: 0, dice: 0, class: 0}":            "loss",
		"train.epochs=0":                               "train.epochs",
		"train.epochs=.nan":                            "train.epochs",
		"train.total_steps=-1":                         "train.total_steps",
		"train.precision=f16":                          "train.precision",
		"train.accumulate=0":                           "train.accumulate",
		"train.accumulate=-1":                          "train.accumulate",
		"train.accumulate=3":                           "train.accumulate", // of a batch of 16
		"train.fit=24":                                 "train.fit",
		"train.fit=all":                                "train.fit",
		"train.lr=0":                                   "train.lr",
		"train.lr=.inf":                                "train.lr",
		"train.layer_decay=-1":                         "train.layer_decay",
		"train.weight_decay=-1":                        "train.weight_decay",
		"train.clip_norm=.nan":                         "train.clip_norm",
		"train.warmup=[-1, 0]":                         "train.warmup",
		"train.points=6":                               "train.points",
		"train.points=0":                               "train.points",
		"train.log_every=0":                            "train.log_every",
		"train.checkpoint_every=0":                     "train.checkpoint_every",
		"train.validate_every=-1":                      "train.validate_every",
		"train.keep=0":                                 "train.keep",
		"train.annealing={start: [1, 2], end: [3]}":    "train.annealing",
		"train.annealing={start: [1, 4], end: [3, 2]}": "train.annealing",
		"train.annealing={first: [0]}":                 "train.annealing",
		"train.annealing={first: [9, 3]}":              "train.annealing",
		"eval.batch=0":                                 "eval.batch",
		"eval.score_threshold=7":                       "eval.score_threshold",
		"eval.overlap_threshold=-0.1":                  "eval.overlap_threshold",
		"eval.top_k=-5":                                "eval.top_k",
		"weights=x":                                    "",
		"new_parameters=[class_head.]":                 "new_parameters",
	} {
		_, err := Read(file(t, sound), override)
		if field == "" {
			if err != nil {
				t.Errorf("-set %s: %v", override, err)
			}
			continue
		}
		var wrong *FieldError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("-set %s: %v, want an error of %s", override, err, field)
		}
	}
}

// A batch that does not split into equal shares is refused.
func TestAccumulateDividesTheBatch(t *testing.T) {
	for _, n := range []string{"1", "2", "3", "6"} {
		if _, err := Read(file(t, sound), "data.batch=6", "train.accumulate="+n); err != nil {
			t.Error(err)
		}
	}
	_, err := Read(file(t, sound), "data.batch=6", "train.accumulate=4")
	if want := "-set train.accumulate=4: data.batch 6 cannot be split into 4 equal shares: it must be a multiple of train.accumulate"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v lacks %q", err, want)
	}
}

// A value that cannot be used is reported with the line or override that states it.
func TestValuesAreReportedWhereTheyAreStated(t *testing.T) {
	path := file(t, "data: {root: x}\ntrain:\n  epochs: 1\n  keep: 0\n")
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), path+": line 4: train.keep: 0 is outside of [1,") {
		t.Error(err)
	}
	if _, err := Read(path, "train.keep=-1"); err == nil || !strings.Contains(err.Error(), "-set train.keep=-1: -1 is outside of") {
		t.Error(err)
	}
	if _, err := Read(file(t, "task: panoptic\n")); err == nil || !strings.Contains(err.Error(), "c.yaml: data.root: state the folder") {
		t.Error(err)
	}
}

func TestSemanticInputsAreSquare(t *testing.T) {
	_, err := Read(file(t, sound), "task=semantic", "data.format=ade20k", "model.image=[64, 32]")
	if err == nil || !strings.Contains(err.Error(), "-set model.image=[64, 32]: [64, 32] is not square: semantic evaluation cuts images into square windows") {
		t.Error(err)
	}
}

func TestNewParametersAreNamed(t *testing.T) {
	c, err := Read(file(t, sound), "weights=x", "new_parameters=[class_head.]")
	if err != nil || len(c.NewParameters) != 1 {
		t.Errorf("%v, %v", c.NewParameters, err)
	}
	var wrong *FieldError
	if _, err := Read(file(t, sound), "weights=x", `new_parameters=[""]`); !errors.As(err, &wrong) || wrong.Field != "new_parameters" {
		t.Errorf("an empty prefix: %v", err)
	}
}

// Of several unusable values the same one is always named.
func TestFirstError(t *testing.T) {
	path := file(t, sound)
	for range 20 {
		_, err := Read(path, "data.batch=0", "eval.batch=0", "train.lr=0", "train.layer_decay=0", "train.keep=0")
		var wrong *FieldError
		if !errors.As(err, &wrong) || wrong.Field != "data.batch" {
			t.Fatalf("%v, want an error of data.batch", err)
		}
	}
}

func TestResolve(t *testing.T) {
	c := Default()
	c.Train.Schedule.Epochs = 12
	got, err := c.Resolve(118287, 133, 4)
	if err != nil {
		t.Fatal(err)
	}
	// 12 epochs of 7,392 whole batches of 16 images; u is a sixth of the steps, and
	// blocks start a u apart (docs/eomt.md).
	want := Derived{Images: 118287, Classes: 133, StepsPerEpoch: 7392, Steps: 88704,
		Annealing: train.Spans{Start: []int{14784, 29568, 44352, 59136}, End: []int{29568, 44352, 59136, 73920}}}
	if diff := cmp.Diff(want, got.Derived); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(c, got.Config); diff != "" {
		t.Errorf("what was written has changed: %s", diff)
	}
	for name, test := range map[string]struct{ stated, want train.Spans }{
		"stated":     {train.Spans{Start: []int{1}, End: []int{2}}, train.Spans{Start: []int{1}, End: []int{2}}},
		"first":      {train.Spans{First: []int{0, 30}}, train.Spans{Start: []int{0}, End: []int{30}}},
		"off":        {train.Spans{Off: true}, train.Spans{Off: true}},
		"by default": {train.Spans{}, train.Spans{Start: []int{1}, End: []int{2}}},
	} {
		c.Train.Schedule.Epochs, c.Train.Schedule.TotalSteps, c.Train.Schedule.Annealing = 0, 5, test.stated
		got, err := c.Resolve(3, 1, 1)
		if err != nil || got.Derived.Steps != 5 || got.Derived.StepsPerEpoch != 1 {
			t.Errorf("%s: %+v, %v", name, got.Derived, err)
		}
		if diff := cmp.Diff(test.want, got.Derived.Annealing, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	c.Train.Schedule.Annealing = train.Spans{Start: []int{0, 1}, End: []int{1, 2}}
	var wrong *FieldError
	if _, err := c.Resolve(3, 1, 1); !errors.As(err, &wrong) || wrong.Field != "train.annealing" || !strings.Contains(err.Error(), "2 spans for 1 query blocks") {
		t.Errorf("two spans for a block: %v", err)
	}
}
