package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"eomt/configs"
	"eomt/eval"
	"eomt/eval/postprocess"
	"eomt/eval/report"
	"eomt/eval/report/bundle"
	"eomt/eval/report/page"
	"eomt/experiment"
	"eomt/experiment/runs"
	"eomt/internal/cli"
)

const tiny = `name: tiny
task: TASK
seed: SEED
model: {size: custom, image: [64, 64], queries: 6, width: 16, blocks: 2, heads: 2, mlp_hidden: 32, query_blocks: 1, patch: 8, registers: 1}
data: {format: shapes, root: ROOT, batch: 2, shapes: {train: 1, val: 9, size: 64, seed: 3}}
train: {total_steps: 4}
`

// shapesOf is the data set of a run folder, shared by those of one test.
func shapesOf(dir string) string { return filepath.Join(filepath.Dir(filepath.Dir(dir)), "shapes") }

// makeRun leaves a run folder as cmd/train does, of predictions by chance.
func makeRun(t *testing.T, dir, task string, seed uint64, steps ...int) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("ROOT", shapesOf(dir), "TASK", task, "SEED", fmt.Sprint(seed)).Replace(tiny)
	config := filepath.Join(dir, "config.yaml")
	write(t, config, text)
	write(t, filepath.Join(dir, "provenance.json"), `{"command": ["/x/train", "-config", "my config.yaml"], "commit": "abc", "data": {"val": 9}}`)
	write(t, filepath.Join(dir, "metrics.jsonl"), `{"step": 1, "loss": 3.5}`+"\n"+`{"step": 2, "loss": 2.5}`+"\n"+`{"ste`)
	c, err := configs.Read(config)
	if err != nil {
		t.Fatal(err)
	}
	set, err := experiment.OpenDataset(t.Context(), c, "val", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	for _, step := range steps {
		_, err := eval.Evaluate(t.Context(), set, guesser{len(set.Classes()), seed + uint64(step)}, eval.Config{Task: eval.Task(task), Protocol: eval.Both,
			ImageH: 64, ImageW: 64, Batch: 1, TopK: 10, Save: evaluationFolder(dir, step)}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
}

func evaluationFolder(dir string, step int) string {
	return filepath.Join(dir, "eval", fmt.Sprintf("step-%08d", step))
}

// guesser predicts blocks of random classes.
type guesser struct {
	classes int
	seed    uint64
}

func (g guesser) Predict(images []uint8, b int) (postprocess.Logits, error) {
	const side, queries = 16, 6
	sum := g.seed
	for _, v := range images {
		sum = sum*31 + uint64(v)
	}
	rng := rand.New(rand.NewPCG(sum, 1))
	l := postprocess.Logits{B: b, MaskH: side, MaskW: side, Queries: queries, Classes: g.classes,
		Masks: make([]float32, b*side*side*queries), Class: make([]float32, b*queries*(g.classes+1))}
	for q := range queries * b {
		l.Class[q*(g.classes+1)+rng.IntN(g.classes)] = 3 + 5*rng.Float32()
	}
	for i := range l.Masks {
		pixel, q := i/queries, i%queries
		l.Masks[i] = -4
		if (pixel%side/6+pixel/side/6*3)%queries == q {
			l.Masks[i] = 4 * rng.Float32()
		}
	}
	return l, nil
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func mustRun(t *testing.T, args ...string) {
	t.Helper()
	if err := run(t.Context(), args); err != nil {
		t.Fatal(err)
	}
}

func TestReportOfOneRun(t *testing.T) {
	for _, task := range []string{"panoptic", "instance", "semantic"} {
		t.Run(task, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "mine")
			makeRun(t, dir, task, 1, 3, 20)
			mustRun(t, dir)
			out := filepath.Join(dir, "report")
			mustRun(t, "verify", out)
			text := read(t, filepath.Join(out, "report.html"))
			for _, want := range []string{"best", "median", "worst", "go run ./cmd/train -config " + filepath.Join(dir, "config.yaml") + " -out " + dir + "-repeated", "git checkout abc",
				"There are no published figures for this data set.",
				"weights of step 20", "9 images", "go run ./cmd/report verify " + out, "data:image/"} {
				if !strings.Contains(text, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			if strings.Contains(text, "no pictures") {
				t.Error("no pictures")
			}
			numbers, err := page.Printed(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			keys := map[string]bool{}
			for _, n := range numbers {
				keys[n.Key] = true
			}
			headline := report.Headline(eval.Task(task))
			for _, want := range []string{"mine/" + headline, "mine/" + headline + ":low", "mine/images", "mine%20%28upstream%20protocol%29/" + headline} {
				if !keys[want] {
					t.Errorf("the page lacks the number %s", want)
				}
			}
		})
	}
}

// Every kind of number on the page is changed in turn: its value, what is shown,
// its key; and a published figure.
func TestVerifyFindsWhatIsChanged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mine")
	makeRun(t, dir, "panoptic", 1, 20)
	r, err := runs.Read(dir, runs.Latest)
	if err != nil {
		t.Fatal(err)
	}
	source := r.Source()
	source.Benchmark = "coco" // as if the images were COCO's, which has published figures
	out := filepath.Join(dir, "report")
	if _, err := bundle.Write(t.Context(), out, []bundle.Source{source}, bundle.Options{Bootstrap: report.DefaultBootstrap}); err != nil {
		t.Fatal(err)
	}
	analysis, err := report.Recompute(t.Context(), out, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte(read(t, filepath.Join(out, "report.html")))
	differ := func(spoilt []byte) []string {
		t.Helper()
		d, err := bundle.VerifyPage(analysis, spoilt)
		if err != nil {
			return []string{err.Error()}
		}
		return d
	}
	if d := differ(text); len(d) > 0 {
		t.Fatalf("untouched: %v", d)
	}
	changed := 0
	for _, m := range regexp.MustCompile(`<data class="n" value="([^"]*)" data-key="([^"]*)">([^<]*)</data>`).FindAllSubmatchIndex(text, -1) {
		for _, group := range []int{1, 3} {
			for i := m[2*group]; i < m[2*group+1]; i++ {
				if text[i] < '0' || text[i] > '9' {
					continue
				}
				spoilt := bytes.Clone(text)
				spoilt[i] = '0' + (text[i]-'0'+1)%10
				if d := differ(spoilt); len(d) != 1 {
					t.Fatalf("%s: digit %d changed: %v", text[m[0]:m[1]], i-m[0], d)
				}
				changed++
				break // the first digit of each
			}
		}
	}
	if changed < 100 {
		t.Errorf("%d digits changed", changed)
	}
	for _, change := range [][2]string{{`data-key="mine/PQ"`, `data-key="mine/PQQ"`}, {">56.0<", ">57.0<"}, {`<data class="n" value`, `<data class="m" value`}} {
		if d := differ(bytes.Replace(text, []byte(change[0]), []byte(change[1]), 1)); len(d) == 0 {
			t.Errorf("%s for %s is not found", change[1], change[0])
		}
	}
	write(t, filepath.Join(out, "report.html"), strings.Replace(string(text), ">56.0<", ">57.0<", 1))
	if err := run(t.Context(), []string{"verify", out}); err == nil || !strings.HasSuffix(err.Error(), "numbers that differ: 1") {
		t.Errorf("verify: %v", err)
	}
}

// Runs that differ by their seed give differences and a mean; flags may stand
// behind the folders, and folders of one name get names of their own.
func TestReportOfSeveralRuns(t *testing.T) {
	dir := t.TempDir()
	makeRun(t, filepath.Join(dir, "a", "run"), "panoptic", 1, 20)
	makeRun(t, filepath.Join(dir, "b", "run"), "panoptic", 2, 20)
	out := filepath.Join(dir, "both")
	mustRun(t, filepath.Join(dir, "a", "run"), filepath.Join(dir, "b", "run"), "-out", out)
	mustRun(t, "verify", out)
	text := read(t, filepath.Join(out, "report.html"))
	for _, key := range []string{"run/PQ", "run%20%282%29/PQ", "run%20%282%29%20minus%20run/PQ",
		"run%20%282%29%20%28upstream%20protocol%29%20minus%20run%20%28upstream%20protocol%29/PQ", "mean%20of%20run%2C%20run%20%282%29/PQ"} {
		if !strings.Contains(text, `data-key="`+key+`"`) {
			t.Errorf("the page lacks %s", key)
		}
	}
	tables := read(t, filepath.Join(out, "tables.tex"))
	if !strings.Contains(tables, "run (2) minus run &") || !strings.Contains(tables, "mean of run, run (2) & PQ &") {
		t.Error(tables)
	}
}

func TestWithoutPictures(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"the data set cannot be opened": func(t *testing.T, dir string) {
			if err := os.RemoveAll(shapesOf(dir)); err != nil {
				t.Fatal(err)
			}
		},
		"the predictions of this evaluation were not kept": func(t *testing.T, dir string) {
			if err := eval.DropPredictions(evaluationFolder(dir, 20)); err != nil {
				t.Fatal(err)
			}
		},
		"there is no config.yaml": func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "config.yaml")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		dir := filepath.Join(t.TempDir(), "mine")
		makeRun(t, dir, "panoptic", 1, 20)
		spoil(t, dir)
		out := filepath.Join(dir, "report")
		mustRun(t, dir)
		mustRun(t, "verify", out)
		if text := read(t, filepath.Join(out, "report.html")); !strings.Contains(text, "no pictures") || !strings.Contains(text, name) {
			t.Errorf("the page does not say: %s", name)
		}
	}
}

// A folder that cmd/eval saved predictions to is a run too.
func TestReportOfAnEvaluation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mine")
	makeRun(t, dir, "instance", 1, 20)
	out := filepath.Join(dir, "of-evaluation")
	mustRun(t, evaluationFolder(dir, 20), "-out", out)
	mustRun(t, "verify", out)
}

func TestWhichEvaluation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mine")
	makeRun(t, dir, "panoptic", 1, 10, 20)
	write(t, filepath.Join(dir, "eval", "step-00000030", "images.jsonl"), `{"images":9,"classes":[{"ID":1}]}`+"\n") // interrupted
	f, err := runs.Read(dir, runs.Latest)
	if err != nil || f.Step != 20 || len(f.Entries) != 2 {
		t.Errorf("%+v, %v", f, err)
	}
	if _, err := runs.Read(dir, runs.Best); err == nil || !strings.Contains(err.Error(), "no best checkpoint is marked; leave the flag out") {
		t.Errorf("%v", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "checkpoints", "step-00000010"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("step-00000010", filepath.Join(dir, "checkpoints", "best")); err != nil {
		t.Fatal(err)
	}
	if f, err = runs.Read(dir, runs.Best); err != nil || f.Step != 10 {
		t.Errorf("%+v, %v", f, err)
	}
	if err := os.RemoveAll(evaluationFolder(dir, 10)); err != nil {
		t.Fatal(err)
	}
	if _, err = runs.Read(dir, runs.Best); err == nil || !strings.Contains(err.Error(), "no evaluation of step 10; evaluate it: go run ./cmd/eval -config ") {
		t.Errorf("%v", err)
	}
}

func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "")
	write(t, filepath.Join(dir, "empty", "config.yaml"), "task: panoptic\n")
	write(t, filepath.Join(dir, "old", "eval", "step-00000300.json"), "{}")
	write(t, filepath.Join(dir, "bad", "eval", "step-00000300", "images.jsonl"), "{}\n")
	makeRun(t, filepath.Join(dir, "panoptic"), "panoptic", 1, 20)
	makeRun(t, filepath.Join(dir, "semantic"), "semantic", 1, 20)
	makeRun(t, filepath.Join(dir, "log"), "panoptic", 1, 20)
	write(t, filepath.Join(dir, "log", "provenance.json"), "{")
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, test := range []struct {
		usage bool
		want  string
		args  []string
	}{
		{true, "name at least one run folder", nil},
		{true, "-evaluation first: want latest or best", []string{at("panoptic"), "-evaluation", "first"}},
		{true, "flag provided but not defined: -outt", []string{at("panoptic"), "-outt", "x"}},
		{true, "verify: name one report folder", []string{"verify"}},
		{false, "no such run: ", []string{at("none")}},
		{false, "is a file: name a run folder", []string{at("file")}},
		{false, "holds no finished evaluation: let the run validate", []string{at("empty")}},
		{false, "the evaluation of step 300 is of an older version, which kept figures but not what each image counts; evaluate again: go run ./cmd/eval", []string{at("old")}},
		{false, "older version of this program", []string{at("bad")}},
		{false, "different tasks", []string{at("panoptic"), at("semantic"), "-out", at("out")}},
		{false, "provenance.json", []string{at("log")}},
		{false, "is not a report folder", []string{"verify", at("empty")}},
		{false, "report: make folder", []string{at("panoptic"), "-out", at("file")}},
	} {
		err := run(t.Context(), test.args)
		var usage *cli.UsageError
		if err == nil || errors.As(err, &usage) != test.usage || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %q in it", test.args, err, test.want)
		}
	}
}
