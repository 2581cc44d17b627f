package checkpoints

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
)

// CorruptError reports a checkpoint whose content is not what was saved.
type CorruptError struct {
	Path   string // the file
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("checkpoints: %s is damaged: %s; use another step of the same run", e.Path, e.Reason)
}

// ErrNone is wrapped by errors about a folder that holds no checkpoint.
var ErrNone = errors.New("no checkpoint there")

// Find is the checkpoint folder that path stands for: a step folder (or link
// to one) itself; for a checkpoints folder or a run folder around one, the
// latest checkpoint. If the latest link is missing, the highest step is used. Find
// changes nothing, so that a run that is saving is not disturbed.
func Find(path string) (string, error) {
	for _, dir := range []string{path, filepath.Join(path, "checkpoints")} {
		if isCheckpoint(dir) {
			return dir, nil
		}
		if step, ok := linked(dir, Latest); ok {
			if folder, ok := stepFolder(dir, step); ok {
				return folder, nil
			}
		}
		steps, err := Steps(dir)
		if err != nil {
			return "", err
		}
		if len(steps) > 0 {
			return filepath.Join(dir, stepName(steps[len(steps)-1])), nil
		}
		if lost := lostLatest(dir); lost != nil {
			return "", lost
		}
	}
	return "", fmt.Errorf("checkpoints: find in %s: %w (want a step-NNNNNNNN folder, a checkpoints folder or a run folder)", path, ErrNone)
}

// lostLatest is the damage where the latest checkpoint of a checkpoints folder is no
// longer there, otherwise nil.
func lostLatest(dir string) *CorruptError {
	step, ok := linkedStep(dir, Latest)
	if !ok {
		return nil
	}
	if _, ok := stepFolder(dir, step); ok {
		return nil
	}
	return &CorruptError{filepath.Join(dir, stepName(step)), "the folder is missing"}
}

// CheckBest verifies the best checkpoint of the run that a step folder belongs to.
// The result is nil if it is intact, if none is marked, or if it is that of the folder.
func CheckBest(folder string) *CorruptError {
	dir := filepath.Dir(folder)
	step, ok := linkedStep(dir, Best)
	if !ok {
		return nil
	}
	best, ok := stepFolder(dir, step)
	if !ok {
		return &CorruptError{filepath.Join(dir, stepName(step)), "the folder is missing"}
	}
	var corrupt *CorruptError
	if best != folder && errors.As(verify(best, []string{stateFile, paramsFile, optimizerFile}), &corrupt) {
		return corrupt
	}
	return nil
}

// isCheckpoint says whether dir is one checkpoint's folder: by its files, or by its
// name where files are missing, so that the damage is found when it is loaded.
func isCheckpoint(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, stateFile)); err == nil {
		return true
	}
	target, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	_, ok := stepOf(strings.TrimPrefix(filepath.Base(target), oldPrefix))
	return ok
}

// Loaded is a snapshot whose tensors are read from open files until Close.
type Loaded struct {
	Snapshot
	Path string // the step folder

	files []*safetensors.File
}

// Load opens the checkpoint that [Find] gives for path, for resuming a run. Every
// file's checksum is verified first; damage is a [CorruptError].
func Load(path string) (*Loaded, error) { return load(path, true) }

// LoadIntact is [Load] or, if that checkpoint is damaged or gone, loads the newest
// intact one before it in the same run. damaged lists the skipped ones, newest first. Nothing is
// deleted. If no checkpoint is intact, err has the damage of each.
func LoadIntact(path string) (l *Loaded, damaged []*CorruptError, err error) {
	folder, err := Find(path)
	if err != nil {
		return nil, nil, err
	}
	if folder, err = filepath.EvalSymlinks(folder); err != nil {
		return nil, nil, fmt.Errorf("checkpoints: load %s: %w", path, err)
	}
	earlier, err := before(folder)
	if err != nil {
		return nil, nil, err
	}
	var all []error
	if lost := lostLatest(filepath.Dir(folder)); lost != nil && !isCheckpoint(path) {
		damaged, all = append(damaged, lost), append(all, lost)
	}
	for _, one := range append([]string{folder}, earlier...) {
		l, err := Load(one)
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) {
			return l, damaged, err
		}
		damaged, all = append(damaged, corrupt), append(all, err)
	}
	return nil, damaged, errors.Join(all...)
}

// before lists the folders of the steps before a step's folder, newest first.
func before(folder string) ([]string, error) {
	dir := filepath.Dir(folder)
	last, ok := stepOf(strings.TrimPrefix(filepath.Base(folder), oldPrefix))
	if !ok {
		return nil, nil
	}
	steps, err := Steps(dir)
	if err != nil {
		return nil, err
	}
	var folders []string
	for _, step := range slices.Backward(steps) {
		if step < last {
			folders = append(folders, filepath.Join(dir, stepName(step)))
		}
	}
	return folders, nil
}

// LoadParams is [Load] with no slot but [AverageSlot], for evaluation: the file of the
// others is neither read nor verified.
func LoadParams(path string) (*Loaded, error) { return load(path, false) }

// Close closes the files behind the tensors; those not yet read fail from then on.
func (l *Loaded) Close() error {
	var errs []error
	for _, file := range l.files {
		errs = append(errs, file.Close())
	}
	return errors.Join(errs...)
}

func load(path string, withSlots bool) (*Loaded, error) {
	dir, err := Find(path)
	if err != nil {
		return nil, err
	}
	files := []string{stateFile, paramsFile}
	if withSlots {
		files = append(files, optimizerFile)
	}
	if err := verify(dir, files); err != nil {
		return nil, err
	}
	_, missing := os.Stat(filepath.Join(dir, averageFile))
	averages := missing == nil
	l := &Loaded{Path: dir}
	if l.State, err = readState(filepath.Join(dir, stateFile)); err != nil {
		return nil, fmt.Errorf("checkpoints: load: %w", err)
	}
	if l.Params, err = l.open(paramsFile); err != nil {
		return nil, err
	}
	if withSlots || averages {
		l.Slots = map[string][]tensor.Tensor{}
	}
	if withSlots {
		slots, err := l.open(optimizerFile)
		if err == nil {
			err = l.takeSlots(slots)
		}
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	if averages {
		if l.Slots[AverageSlot], err = l.open(averageFile); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	return l, nil
}

// verify checks the named files of dir, and that of averages if it is listed, against
// dir's SHA256SUMS.
func verify(dir string, files []string) error {
	sums, err := readSums(filepath.Join(dir, sumsFile))
	if err != nil {
		return &CorruptError{filepath.Join(dir, sumsFile), reason(err)}
	}
	if _, listed := sums[averageFile]; listed {
		files = append(files, averageFile)
	}
	for _, name := range files {
		path := filepath.Join(dir, name)
		sum, err := sumFile(path)
		switch {
		case err != nil:
			return &CorruptError{path, reason(err)}
		case sums[name] == "":
			return &CorruptError{filepath.Join(dir, sumsFile), "no checksum for " + name}
		case sum != sums[name]:
			return &CorruptError{path, fmt.Sprintf("SHA-256 is %.12s..., saved was %.12s...", sum, sums[name])}
		}
	}
	return nil
}

// reason is an error of a file without the file's path, which [CorruptError] has.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

func (l *Loaded) open(name string) ([]tensor.Tensor, error) {
	file, err := safetensors.Open(filepath.Join(l.Path, name))
	if err != nil {
		return nil, fmt.Errorf("checkpoints: load: %w", err)
	}
	l.files = append(l.files, file)
	return file.Tensors, nil
}

// takeSlots sorts the optimizer file's tensors, SLOT.NAME, into slots.
func (l *Loaded) takeSlots(all []tensor.Tensor) error {
	for _, t := range all {
		slot, name, ok := strings.Cut(t.Name, ".")
		if !ok || slot == "" || name == "" {
			return fmt.Errorf("checkpoints: load %s: tensor %s is not SLOT.NAME", filepath.Join(l.Path, optimizerFile), t.Name)
		}
		l.Slots[slot] = append(l.Slots[slot], t.Renamed(name))
	}
	return nil
}
