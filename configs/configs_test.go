package configs

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"eomt/data"

	"github.com/google/go-cmp/cmp"
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
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		read++
		c, err := Read(path)
		if err != nil {
			t.Error(err)
		} else if c.Name == "" {
			t.Errorf("%s: it has no name", path)
		}
		raw, err := os.ReadFile(path)
		for _, part := range []string{"# Command:", "# Hardware:", "# Expected:"} {
			if !bytes.Contains(raw, []byte(part)) {
				t.Errorf("%s: the header lacks %q", path, part)
			}
		}
		return err
	})
	if err != nil || read < 25 {
		t.Errorf("%d configurations: %v", read, err)
	}
}

// What Write gives, Read takes, and nothing is lost between them.
func TestWriteThenRead(t *testing.T) {
	c, err := Read("quickstart.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c = c.Resolve(2000, 11, 2, func(int, int) (start, end []int) { return []int{1, 2}, []int{3, 4} })
	own := c
	own.Data.Format, own.Data.Shapes = "coco", nil
	own.Data.Val = data.Files{Images: "a.zip/b", Annotations: "c.json", Masks: "d"}
	for _, c := range []Config{c, own} {
		var text bytes.Buffer
		if err := c.Write(&text); err != nil {
			t.Fatal(err)
		}
		again, err := Read(file(t, text.String()))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Error(diff)
		}
	}
}

func TestStrictFiles(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"unknown key":        {"task: panoptic\ntrain:\n  lr: 1\n  learning_rate: 2\n", "c.yaml: line 4: unknown key learning_rate"},
		"unknown section":    {"dataset: {}\n", "line 1: unknown key dataset"},
		"two unknown":        {"a: 1\nb: 2\n", "line 1: unknown key a; line 2: unknown key b"},
		"word for a number":  {sound + "seed: many\n", "line 3: cannot unmarshal str `many`"},
		"list for a mapping": {"model: [1]\n", "line 1"},
		"key twice":          {"seed: 1\nseed: 2\n", "line 2"},
		"three sizes":        {"model: {image: [1, 2, 3]}\n", "want 2 elements but got 3"},
		"empty":              {"", "the file is empty"},
		"two documents":      {sound + "---\n" + sound, "more than one document"},
		"no YAML":            {"a: [\n", "line"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(file(t, test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "c.yaml") {
				t.Fatalf("%v\nlacks %q or the file", err, test.want)
			}
			if strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "configs.") {
				t.Errorf("%q is more than a line for people", err)
			}
		})
	}
	if _, err := Read("no-such.yaml"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no-such.yaml") {
		t.Errorf("missing file: %v", err)
	}
}

func TestOverrides(t *testing.T) {
	c, err := Read(file(t, sound), "train.total_steps=7", "data.scale=[0.5, 1]", "seed=9", "data.format=shapes", "data.shapes.train=3", "name=a=b", "weights=")
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Name, want.Seed, want.Data.Root, want.Data.Scale = "a=b", 9, "x", [2]float64{0.5, 1}
	want.Data.Format, want.Data.Shapes = "shapes", &data.Shapes{Train: 3}
	want.Train.Epochs, want.Train.TotalSteps = 1, 7
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	for override, want := range map[string]string{
		"train.total_steps":     "expected key=value",
		"seed=":                 "cannot unmarshal str",
		"=3":                    "expected key=value",
		"train.steps=3":         "unknown key steps",
		"train.total_steps=few": "cannot unmarshal str `few`",
		"train.total_steps.x=3": "-set train.total_steps.x=3",
		"train=3":               "-set train=3",
		"a b: c=3":              "-set a b: c=3",
		"seed=1\nname: x":       "expected key=value",
	} {
		_, err := Read(file(t, sound), override)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("-set %q: %v lacks %q", override, err, want)
		}
	}
}

func TestUnusableValues(t *testing.T) {
	if _, err := Read(file(t, sound)); err != nil {
		t.Fatal(err)
	}
	for override, field := range map[string]string{
		"task=depth":                                "task",
		"model.size=XL":                             "model.size",
		"model.backbone=resnet":                     "model.backbone",
		"data.format=voc":                           "data.format",
		"task=semantic":                             "task",        // which coco has not
		"data.format=folder":                        "task",        // which has semantic only
		"data.shapes.train=3":                       "data.shapes", // of format shapes only
		"data.on_bad_sample=ignore":                 "data.on_bad_sample",
		"train.precision=f16":                       "train.precision",
		"model.queries=0":                           "model.queries",
		"data.batch=0":                              "data.batch",
		"data.workers=-1":                           "data.workers",
		"data.root=":                                "data.root",
		"data.scale=[2, 1]":                         "data.scale",
		"data.scale=[0, 1]":                         "data.scale",
		"data.scale=[.nan, 1]":                      "data.scale",
		"train.epochs=0":                            "train.epochs",
		"train.epochs=.nan":                         "train.epochs",
		"train.total_steps=-1":                      "train.total_steps",
		"train.lr=0":                                "train.lr",
		"train.lr=.inf":                             "train.lr",
		"train.layer_decay=-1":                      "train.layer_decay",
		"train.weight_decay=-1":                     "train.weight_decay",
		"train.clip_norm=.nan":                      "train.clip_norm",
		"train.warmup=[-1, 0]":                      "train.warmup",
		"train.points=6":                            "train.points",
		"train.points=0":                            "train.points",
		"train.log_every=0":                         "train.log_every",
		"train.checkpoint_every=0":                  "train.checkpoint_every",
		"train.validate_every=-1":                   "train.validate_every",
		"train.keep=0":                              "train.keep",
		"train.annealing={start: [1, 2], end: [3]}": "train.annealing",
		"eval.batch=0":                              "eval.batch",
		"train.annealing={first: [0]}":              "train.annealing.first",
		"new_parameters=[class_head.]":              "new_parameters",
	} {
		path := file(t, sound)
		_, err := Read(path, override)
		var wrong *FieldError
		if !errors.As(err, &wrong) || wrong.Field != field || wrong.File != path {
			t.Errorf("-set %s: %v, want an error of %s", override, err, field)
		}
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
	rule := func(total, blocks int) (start, end []int) { return []int{total}, []int{blocks} }
	c := Default()
	c.Train.Epochs = 12
	got := c.Resolve(118287, 133, 4, rule)
	// 12 epochs of 7,392 whole batches of 16 images.
	if got.Train.TotalSteps != 88704 || got.Data.Images != 118287 || got.Data.Classes != 133 {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff(Spans{Start: []int{88704}, End: []int{4}}, got.Train.Annealing); diff != "" {
		t.Error(diff)
	}
	c.Train.TotalSteps, c.Train.Annealing = 5, Spans{Start: []int{1}, End: []int{2}}
	if got := c.Resolve(3, 1, 1, rule); got.Train.TotalSteps != 5 || got.Train.Annealing.Start[0] != 1 || got.StepsPerEpoch() != 1 {
		t.Errorf("stated values are not kept: %+v", got.Train)
	}
	c.Train.Annealing = Spans{First: []int{0, 30}}
	if got := c.Resolve(3, 1, 1, rule).Train.Annealing; got.Start[0] != 0 || got.End[0] != 30 {
		t.Errorf("the first block's own span is not kept: %+v", got)
	}
	c.Train.Annealing = Spans{Off: true}
	if got := c.Resolve(3, 1, 1, rule); got.Train.Annealing.Start != nil {
		t.Errorf("annealing is off, yet %+v", got.Train.Annealing)
	}
}
