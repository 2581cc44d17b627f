package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"eomt/checkpoints"
	"eomt/configs"
	"eomt/eval"
	"eomt/train"
)

// folder is what a run folder holds.
type folder struct {
	path, base string
	name       string                   // in this report
	names      map[eval.Protocol]string // of its evaluation by each protocol
	step       int                      // that was evaluated; 0 where unknown
	stored     *eval.Stored
	config     *configs.Resolved // nil where there is none
	group      string            // hash of the configuration but its seed
	entries    []train.Entry
	provenance *train.Provenance // nil where there is none
}

// readFolder reads a run folder and its latest or best evaluation, or a folder
// that cmd/eval saved predictions to.
func readFolder(path, which string) (*folder, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("no such run: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is a file: name a run folder", path)
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	f := &folder{path: path, base: filepath.Base(full)}
	if f.stored, f.step, err = evaluation(path, which); err != nil {
		return nil, err
	}
	if err := f.readConfig(); err != nil {
		return nil, err
	}
	if f.provenance, err = train.ReadProvenance(path); err != nil && !absent(err) {
		return nil, err
	}
	if f.entries, err = train.ReadEntries(path); absent(err) { // a folder of cmd/eval
		err = nil
	}
	return f, err
}

var stepName = regexp.MustCompile(`^step-(\d{8,})(\.json)?$`)

// evaluation finds the records of a run's evaluation.
func evaluation(path, which string) (*eval.Stored, int, error) {
	if stored, err := eval.ReadStored(path); !absent(err) { // a folder of cmd/eval
		return stored, 0, err
	}
	steps, bare, err := evaluations(filepath.Join(path, "eval"))
	if err != nil {
		return nil, 0, err
	}
	if which == "best" {
		return best(path)
	}
	slices.Sort(steps)
	for _, step := range slices.Backward(steps) {
		stored, err := eval.ReadStored(evaluationFolder(path, step))
		if errors.Is(err, eval.ErrIncomplete) {
			fmt.Fprintf(os.Stderr, "report: %v; taking the evaluation before\n", err)
			continue
		}
		return stored, step, err
	}
	if len(bare) > 0 {
		step := slices.Max(bare)
		return nil, 0, fmt.Errorf("%s: the evaluation of step %d is of an older version, which kept figures but not what each image counts; evaluate again: %s",
			path, step, again(path, step))
	}
	return nil, 0, fmt.Errorf("%s holds no finished evaluation: let the run validate, or evaluate a checkpoint into %s with cmd/eval -save-predictions",
		path, filepath.Join(path, "eval", "step-NNNNNNNN"))
}

// best is the evaluation of the best checkpoint.
func best(path string) (*eval.Stored, int, error) {
	link, err := filepath.EvalSymlinks(filepath.Join(path, "checkpoints", checkpoints.Best))
	if err != nil {
		return nil, 0, fmt.Errorf("%s: -evaluation best: no best checkpoint is marked; leave the flag out for the latest evaluation", path)
	}
	step := 0
	if name := stepName.FindStringSubmatch(filepath.Base(link)); name != nil {
		step, _ = strconv.Atoi(name[1])
	}
	stored, err := eval.ReadStored(evaluationFolder(path, step))
	if absent(err) {
		return nil, 0, fmt.Errorf("%s: -evaluation best: no evaluation of step %d; evaluate it: %s", path, step, again(path, step))
	}
	return stored, step, err
}

func evaluationFolder(path string, step int) string {
	return filepath.Join(path, "eval", fmt.Sprintf("step-%08d", step))
}

// again is the command that evaluates a checkpoint of a run anew.
func again(path string, step int) string {
	return fmt.Sprintf("go run ./cmd/eval -config %s -weights %s -save-predictions %s", quote(filepath.Join(path, "config.yaml")),
		quote(filepath.Join(path, "checkpoints", fmt.Sprintf("step-%08d", step))), quote(evaluationFolder(path, step)))
}

// evaluations lists the steps of which there are records, and those of which
// there is no more than a result.
func evaluations(dir string) (steps, bare []int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !absent(err) {
		return nil, nil, err
	}
	for _, e := range entries {
		name := stepName.FindStringSubmatch(e.Name())
		if name == nil {
			continue
		}
		step, err := strconv.Atoi(name[1])
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		if e.IsDir() {
			steps = append(steps, step)
		} else {
			bare = append(bare, step)
		}
	}
	return steps, bare, nil
}

// readConfig reads config.yaml, and hashes it without what may differ between
// runs over which a mean is taken.
func (f *folder) readConfig() error {
	path := filepath.Join(f.path, "config.yaml")
	c, err := configs.ReadResolved(path)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	whole := c
	f.config = &whole
	c.Seed, c.Name = 0, ""
	hash := sha256.New()
	if err := c.Write(hash); err != nil {
		return err
	}
	f.group = fmt.Sprintf("%x step %d", hash.Sum(nil), f.step)
	return nil
}

// readJSON leaves value as it is where the file is not there.
func readJSON(path string, value any) error {
	raw, err := os.ReadFile(path)
	if absent(err) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(raw, value)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
