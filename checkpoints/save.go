package checkpoints

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"eomt/checkpoints/safetensors"
	"eomt/checkpoints/tensor"
	"eomt/internal/atomicfile"
)

// Store saves checkpoints into one folder. One process at a time may write there.
type Store struct {
	Dir  string
	Keep int // newest checkpoints to keep besides the best one; below 1 keeps all

	// create opens a new file for writing; nil is os.Create. Tests replace it
	// by one that fails.
	create func(path string) (syncWriter, error)
	// remove removes a folder; nil is os.RemoveAll. Tests replace it likewise.
	remove func(path string) error
}

// syncWriter is the part of *os.File that saving needs.
type syncWriter interface {
	io.WriteCloser
	Sync() error
}

// Save writes snapshot as dir/step-NNNNNNNN, points latest at it, removes what
// Keep no longer covers and returns the new folder's path. The tensors are
// streamed, one in memory at a time. The folder is written under another name,
// forced to disk and renamed: whenever Save fails or the machine stops, the
// previous checkpoint and latest are as they were. A checkpoint of the same
// step is replaced.
func (s *Store) Save(snapshot Snapshot) (string, error) {
	path, err := s.save(snapshot)
	if err != nil {
		return "", fmt.Errorf("checkpoints: save step %d in %s: %w", snapshot.State.Step, s.Dir, err)
	}
	return path, nil
}

func (s *Store) save(snapshot Snapshot) (string, error) {
	step := snapshot.State.Step
	if step < 0 {
		return "", errors.New("negative step")
	}
	if err := os.MkdirAll(s.Dir, 0o777); err != nil {
		return "", err
	}
	if err := s.clean(); err != nil {
		return "", err
	}
	part := filepath.Join(s.Dir, partPrefix+stepName(step))
	if err := os.Mkdir(part, 0o777); err != nil {
		return "", err
	}
	if err := s.write(part, snapshot); err != nil {
		return "", errors.Join(err, os.RemoveAll(part))
	}
	final := filepath.Join(s.Dir, stepName(step))
	old := filepath.Join(s.Dir, oldPrefix+stepName(step))
	if err := os.Rename(final, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", errors.Join(err, os.RemoveAll(part))
	}
	if err := atomicfile.Rename(part, final); err != nil {
		return "", errors.Join(err, restoreOld(s.Dir), os.RemoveAll(part))
	}
	if err := link(s.Dir, Latest, step); err != nil {
		return "", err
	}
	return final, s.prune(step)
}

// MarkBest points best at the checkpoint of step, which must have been saved.
func (s *Store) MarkBest(step int) error {
	_, err := os.Stat(filepath.Join(s.Dir, stepName(step)))
	if err == nil {
		err = link(s.Dir, Best, step)
	}
	if err != nil {
		return fmt.Errorf("checkpoints: mark step %d in %s as best: %w", step, s.Dir, err)
	}
	return nil
}

// clean removes what a killed run left half-written and puts back what it was
// replacing.
func (s *Store) clean() error {
	parts, err := filepath.Glob(filepath.Join(s.Dir, partPrefix+"*"))
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err := os.RemoveAll(part); err != nil {
			return err
		}
	}
	return restoreOld(s.Dir)
}

// prune removes all but the newest Keep checkpoints up to step. The best one
// stays, and so do later steps, which belong to a run that was resumed from
// further back.
func (s *Store) prune(step int) error {
	if err := restoreOld(s.Dir); err != nil { // the replaced one of this step
		return err
	}
	steps, err := Steps(s.Dir)
	if err != nil || s.Keep < 1 {
		return err
	}
	for len(steps) > 0 && steps[len(steps)-1] > step {
		steps = steps[:len(steps)-1]
	}
	best, hasBest := linked(s.Dir, Best)
	for _, old := range steps[:max(0, len(steps)-s.Keep)] {
		if hasBest && old == best {
			continue
		}
		if err := s.discard(old); err != nil {
			return err
		}
	}
	return nil
}

// discard removes the checkpoint of a step. It is renamed first: a run that is
// killed meanwhile leaves no part of it under the step's name.
func (s *Store) discard(step int) error {
	part := filepath.Join(s.Dir, partPrefix+stepName(step))
	if err := os.Rename(filepath.Join(s.Dir, stepName(step)), part); err != nil {
		return err
	}
	remove := s.remove
	if remove == nil {
		remove = os.RemoveAll
	}
	return remove(part)
}

// write fills the new folder dir and forces all of it to disk.
func (s *Store) write(dir string, snapshot Snapshot) error {
	var sums bytes.Buffer
	put := func(name string, fill func(io.Writer) error) error {
		sum, err := s.writeFile(filepath.Join(dir, name), fill)
		fmt.Fprintf(&sums, "%s  %s\n", sum, name)
		return err
	}
	if err := put(paramsFile, func(w io.Writer) error {
		return safetensors.Write(w, snapshot.Params, nil)
	}); err != nil {
		return err
	}
	if averages := snapshot.Slots[AverageSlot]; len(averages) > 0 {
		if err := put(averageFile, func(w io.Writer) error {
			return safetensors.Write(w, averages, nil)
		}); err != nil {
			return err
		}
	}
	slots, err := slotTensors(snapshot.Slots)
	if err != nil {
		return err
	}
	if err := put(optimizerFile, func(w io.Writer) error {
		return safetensors.Write(w, slots, nil)
	}); err != nil {
		return err
	}
	if err := put(stateFile, func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(snapshot.State)
	}); err != nil {
		return err
	}
	if _, err := s.writeFile(filepath.Join(dir, sumsFile), func(w io.Writer) error {
		_, err := w.Write(sums.Bytes())
		return err
	}); err != nil {
		return err
	}
	return atomicfile.SyncDir(dir)
}

// writeFile creates a file, has fill write it, forces it to disk and returns
// the SHA-256 of its content.
func (s *Store) writeFile(path string, fill func(io.Writer) error) (sum string, err error) {
	create := s.create
	if create == nil {
		create = func(path string) (syncWriter, error) { return os.Create(path) }
	}
	file, err := create(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	hash := sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(file, hash), 1<<20)
	if err := fill(buffered); err != nil {
		return "", err
	}
	if err := buffered.Flush(); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), file.Sync()
}

// slotTensors are the tensors of all slots but [AverageSlot] as SLOT.NAME, in the order of the
// slots' names.
func slotTensors(slots map[string][]tensor.Tensor) ([]tensor.Tensor, error) {
	var list []tensor.Tensor
	for _, slot := range slices.Sorted(maps.Keys(slots)) {
		if slot == "" || strings.Contains(slot, ".") {
			return nil, fmt.Errorf("slot %q: want a name without a dot", slot)
		}
		if slot == AverageSlot {
			continue
		}
		for _, t := range slots[slot] {
			list = append(list, t.Renamed(slot+"."+t.Name))
		}
	}
	return list, nil
}
