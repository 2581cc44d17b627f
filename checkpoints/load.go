package checkpoints

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
)

// CorruptError is a checkpoint whose content is not what was saved.
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
// latest checkpoint. Where the latest link is lost, the highest step is taken.
// It changes nothing, so that a run that saves meanwhile is not disturbed.
func Find(path string) (string, error) {
	for _, dir := range []string{path, filepath.Join(path, "checkpoints")} {
		if _, err := os.Stat(filepath.Join(dir, stateFile)); err == nil {
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
	}
	return "", fmt.Errorf("checkpoints: find in %s: %w (want a step-NNNNNNNN folder, a checkpoints folder or a run folder)", path, ErrNone)
}

// Loaded is a snapshot whose tensors are read from open files until Close.
type Loaded struct {
	Snapshot
	Path string // the step folder

	files []*safetensors.File
}

// Load opens the checkpoint that [Find] gives for path, for resuming a run. Every file's checksum
// is verified first; damage is a [CorruptError].
func Load(path string) (*Loaded, error) { return load(path, true) }

// LoadParams is [Load] without the optimizer's moments, for evaluation: their file is neither read
// nor verified.
func LoadParams(path string) (*Loaded, error) { return load(path, false) }

// Close closes the files behind the tensors; those not yet read fail from then on.
func (l *Loaded) Close() error {
	var errs []error
	for _, file := range l.files {
		errs = append(errs, file.Close())
	}
	return errors.Join(errs...)
}

func load(path string, withMoments bool) (*Loaded, error) {
	dir, err := Find(path)
	if err != nil {
		return nil, err
	}
	files := []string{stateFile, paramsFile}
	if withMoments {
		files = append(files, optimizerFile)
	}
	if err := verify(dir, files); err != nil {
		return nil, err
	}
	l := &Loaded{Path: dir}
	if l.State, err = readState(filepath.Join(dir, stateFile)); err != nil {
		return nil, fmt.Errorf("checkpoints: load: %w", err)
	}
	if l.Params, err = l.open(paramsFile); err != nil {
		return nil, err
	}
	if withMoments {
		moments, err := l.open(optimizerFile)
		if err == nil {
			err = l.takeMoments(moments)
		}
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	return l, nil
}

// verify holds the named files of dir against its SHA256SUMS.
func verify(dir string, files []string) error {
	sums, err := readSums(filepath.Join(dir, sumsFile))
	if err != nil {
		return &CorruptError{filepath.Join(dir, sumsFile), err.Error()}
	}
	for _, name := range files {
		path := filepath.Join(dir, name)
		sum, err := sumFile(path)
		switch {
		case err != nil:
			return &CorruptError{path, err.Error()}
		case sums[name] == "":
			return &CorruptError{filepath.Join(dir, sumsFile), "no checksum for " + name}
		case sum != sums[name]:
			return &CorruptError{path, fmt.Sprintf("SHA-256 is %.12s..., saved was %.12s...", sum, sums[name])}
		}
	}
	return nil
}

func (l *Loaded) open(name string) ([]tensor.Tensor, error) {
	file, err := safetensors.Open(filepath.Join(l.Path, name))
	if err != nil {
		return nil, fmt.Errorf("checkpoints: load: %w", err)
	}
	l.files = append(l.files, file)
	return file.Tensors, nil
}

// takeMoments sorts the optimizer file's tensors into first and second moments.
func (l *Loaded) takeMoments(moments []tensor.Tensor) error {
	for _, t := range moments {
		if name, ok := strings.CutPrefix(t.Name, firstPrefix); ok {
			l.First = append(l.First, t.Renamed(name))
		} else if name, ok := strings.CutPrefix(t.Name, secondPrefix); ok {
			l.Second = append(l.Second, t.Renamed(name))
		} else {
			return fmt.Errorf("checkpoints: load %s: tensor %s is neither %sNAME nor %sNAME",
				filepath.Join(l.Path, optimizerFile), t.Name, firstPrefix, secondPrefix)
		}
	}
	return nil
}
