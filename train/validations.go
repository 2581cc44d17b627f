package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"eomt/checkpoints"
	"eomt/internal/atomicfile"
)

// ValidationsFile lists every finished validation of a run, in the order of steps. A
// validation counts once it is written here: the best checkpoint, its link and the
// charts are derived from the list, so a run that is killed at any point derives the
// same when it resumes.
const ValidationsFile = "validations.json"

// validations are a run's finished validations, in the order of steps.
type validations []checkpoints.Metric

// openValidations reads the validations of a run folder up to step `done` and drops
// those of later steps, which the run does again. A folder of an earlier version has
// no list; it starts with the best result that its checkpoint knows of, if any.
func openValidations(dir string, done int, known *checkpoints.Metric) (validations, error) {
	path := filepath.Join(dir, ValidationsFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if known == nil || known.Step > done {
			return nil, nil
		}
		return validations{*known}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("train: validations: %w", err)
	}
	var all validations
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("train: validations: %s: %w; remove the file to validate again", path, err)
	}
	kept := slices.DeleteFunc(slices.Clone(all), func(m checkpoints.Metric) bool { return m.Step > done })
	if len(kept) == len(all) {
		return kept, nil
	}
	return kept, kept.write(dir)
}

// write replaces the list in the run folder.
func (v validations) write(dir string) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("train: validations: %w", err)
	}
	if err := atomicfile.WriteBytes(filepath.Join(dir, ValidationsFile), append(raw, '\n')); err != nil {
		return fmt.Errorf("train: validations: %w", err)
	}
	return nil
}

// comparable are those over as many images as the last.
func (v validations) comparable() validations {
	return slices.DeleteFunc(slices.Clone(v), func(m checkpoints.Metric) bool { return m.Images != v[len(v)-1].Images })
}

// best is the first of the largest values over as many images as the last, nil if there
// is none.
func (v validations) best() *checkpoints.Metric {
	v = v.comparable()
	var best *checkpoints.Metric
	for i := range v {
		if best == nil || v[i].Value > best.Value {
			best = &v[i]
		}
	}
	return best
}

// at is the validation after a step, nil if there is none.
func (v validations) at(step int) *checkpoints.Metric {
	if n := len(v); n > 0 && v[n-1].Step == step {
		return &v[n-1]
	}
	return nil
}
