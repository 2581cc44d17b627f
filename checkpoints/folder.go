package checkpoints

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"eomt/internal/atomicfile"
)

const (
	stepPrefix = "step-"
	// partPrefix begins the name of a folder that is being written or removed; a
	// killed run may leave one behind.
	partPrefix = ".part-"
	// oldPrefix begins the name of a step folder that one of the same step is
	// about to replace.
	oldPrefix = ".old-"
)

// stepName is the name of a step's folder.
func stepName(step int) string { return fmt.Sprintf("%s%08d", stepPrefix, step) }

// stepOf is the step of a folder's name, false for any other name.
func stepOf(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, stepPrefix)
	step, err := strconv.Atoi(digits)
	return step, ok && err == nil && step >= 0 && name == stepName(step)
}

// Steps lists the steps saved in dir in rising order; none where dir is not there.
func Steps(dir string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoints: list steps: %w", err)
	}
	var steps []int
	for _, entry := range entries {
		if step, ok := stepOf(entry.Name()); ok && entry.IsDir() {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps, nil
}

// restoreOld restores a step folder whose replacement was interrupted, and removes
// those whose replacement is complete.
func restoreOld(dir string) error {
	olds, err := filepath.Glob(filepath.Join(dir, oldPrefix+stepPrefix+"*"))
	if err != nil {
		return err
	}
	for _, old := range olds {
		final := filepath.Join(dir, strings.TrimPrefix(filepath.Base(old), oldPrefix))
		if _, err := os.Stat(final); err == nil {
			if err := os.RemoveAll(old); err != nil {
				return err
			}
			continue
		}
		if err := os.Rename(old, final); err != nil {
			return err
		}
	}
	return nil
}

// link makes dir/name point at step, replacing what it pointed at in one move.
func link(dir, name string, step int) error {
	next := filepath.Join(dir, partPrefix+name)
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(stepName(step), next); err != nil {
		return err
	}
	return atomicfile.Rename(next, filepath.Join(dir, name))
}

// linked is the step that dir/name points at, false if there is no such
// link or its folder is gone.
func linked(dir, name string) (int, bool) {
	step, ok := linkedStep(dir, name)
	if ok {
		_, ok = stepFolder(dir, step)
	}
	return step, ok
}

// linkedStep is the step that dir/name points at, whether or not its folder is there.
func linkedStep(dir, name string) (int, bool) {
	target, err := os.Readlink(filepath.Join(dir, name))
	if err != nil {
		return 0, false
	}
	return stepOf(filepath.Base(target))
}

// stepFolder is where the checkpoint of a step is: under its name, or set aside
// by a run that was killed while replacing it.
func stepFolder(dir string, step int) (string, bool) {
	for _, prefix := range []string{"", oldPrefix} {
		path := filepath.Join(dir, prefix+stepName(step))
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	return "", false
}

// sumFile is the SHA-256 of a file, in hexadecimal.
func sumFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// readSums parses a SHA256SUMS file: lines of "HEX  NAME".
func readSums(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, name, ok := strings.Cut(strings.TrimRight(line, "\n"), "  ")
		if !ok {
			return nil, fmt.Errorf("line %q is not \"SUM  FILE\"", line)
		}
		sums[name] = sum
	}
	return sums, nil
}

// readState decodes a state.json; unknown fields are an error, since a newer
// version's state would otherwise be read incompletely.
func readState(path string) (State, error) {
	file, err := os.Open(path)
	if err != nil {
		return State{}, err
	}
	defer file.Close()
	var state State
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&state); err != nil {
		return State{}, fmt.Errorf("%s: %w", path, err)
	}
	return state, nil
}
