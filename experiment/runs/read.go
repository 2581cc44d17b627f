package runs

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"eomt/checkpoints"
	"eomt/configs"
	"eomt/eval"
	"eomt/internal/cli"
	"eomt/train"
)

// Which says which of a run's evaluations is read.
type Which string

const (
	Latest Which = "latest"
	Best   Which = "best" // that of the best checkpoint
)

// Run is what a run folder holds.
type Run struct {
	Path        string // as given to [Read]
	Name        string // of the folder
	Step        int    // that was evaluated; 0 if unknown
	Evaluation  *eval.Stored
	Config      *configs.Resolved // nil if there is none
	Entries     []train.Entry
	Validations []Validation
	Provenance  *train.Provenance // nil if there is none
	Warnings    []string          // what was passed over, and why
	group       string            // hash of the configuration but its seed
}

// Read reads a run folder with one of its evaluations, or a folder that cmd/eval
// saved predictions to.
func Read(path string, which Which) (*Run, error) {
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
	r := &Run{Path: path, Name: filepath.Base(full)}
	if err = r.readEvaluation(which); err != nil {
		return nil, err
	}
	if err := r.readConfig(); err != nil {
		return nil, err
	}
	if r.Provenance, err = train.ReadProvenance(path); err != nil && !absent(err) {
		return nil, err
	}
	if r.Validations, err = readValidations(filepath.Join(path, "eval")); err != nil {
		return nil, err
	}
	if r.Entries, err = train.ReadEntries(path); absent(err) { // a folder of cmd/eval
		err = nil
	}
	return r, err
}

var stepName = regexp.MustCompile(`^step-(\d{8,})(\.json)?$`)

// readEvaluation finds the records of the run's evaluation.
func (r *Run) readEvaluation(which Which) (err error) {
	if r.Evaluation, err = eval.ReadStored(r.Path); !absent(err) { // a folder of cmd/eval
		return err
	}
	if which == Best {
		r.Evaluation, r.Step, err = best(r.Path)
		return err
	}
	steps, bare, err := evaluations(filepath.Join(r.Path, "eval"))
	if err != nil {
		return err
	}
	slices.Sort(steps)
	for _, r.Step = range slices.Backward(steps) {
		r.Evaluation, err = eval.ReadStored(evaluationFolder(r.Path, r.Step))
		if errors.Is(err, eval.ErrIncomplete) {
			r.Warnings = append(r.Warnings, fmt.Sprintf("%v; taking the evaluation before", err))
			continue
		}
		return err
	}
	if len(bare) > 0 {
		step := slices.Max(bare)
		return fmt.Errorf("%s: the evaluation of step %d is of an older version, which kept figures but not what each image counts; evaluate again: %s",
			r.Path, step, again(r.Path, step))
	}
	return fmt.Errorf("%s holds no finished evaluation: let the run validate, or evaluate a checkpoint into %s with cmd/eval -save-predictions",
		r.Path, filepath.Join(r.Path, "eval", "step-NNNNNNNN"))
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

// again is the command that evaluates a checkpoint of a run again.
func again(path string, step int) string {
	return fmt.Sprintf("go run ./cmd/eval -config %s -weights %s -save-predictions %s", cli.Quote(filepath.Join(path, "config.yaml")),
		cli.Quote(filepath.Join(path, "checkpoints", fmt.Sprintf("step-%08d", step))), cli.Quote(evaluationFolder(path, step)))
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
func (r *Run) readConfig() error {
	path := filepath.Join(r.Path, "config.yaml")
	c, err := configs.ReadResolved(path)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	full := c
	r.Config = &full
	c.Seed, c.Name = 0, ""
	hash := sha256.New()
	if err := c.Write(hash); err != nil {
		return err
	}
	r.group = fmt.Sprintf("%x step %d", hash.Sum(nil), r.Step)
	return nil
}

// absent reports whether a file is not there.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
