package eval

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"eomt/data"
	"eomt/eval/postprocess"
	"eomt/eval/predictions"
	"eomt/internal/atomicfile"
)

// Stored is an evaluation read back from the folder of its predictions.
type Stored struct {
	Config  Config // without what its JSON form leaves out
	Classes []data.Class
	Records []Record // by index
	dir     string
	journal *journal
}

// ErrIncomplete reports an evaluation that was interrupted.
var ErrIncomplete = errors.New("interrupted before its last image")

// ReadStored reads what [Evaluate] left in dir, its [Config].Save. The error wraps
// [ErrIncomplete] for an unfinished evaluation, [fs.ErrNotExist] if there is none.
func ReadStored(dir string) (*Stored, error) {
	s := &Stored{dir: dir}
	var first header
	path := filepath.Join(dir, journalName)
	journal, finished, err := scanJournal(path, func(line []byte) bool {
		return json.Unmarshal(line, &first) == nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("eval: read records: %w", err)
	case len(first.Classes) == 0:
		return nil, fmt.Errorf("eval: %s: states no classes: not the records of an evaluation, or of an older version of this program", path)
	case !finished || len(journal.records) != first.Images:
		return nil, fmt.Errorf("eval: %s: %d of %d images: %w", path, len(journal.records), first.Images, ErrIncomplete)
	}
	s.Config, s.Classes, s.journal = first.Evaluation, first.Classes, journal
	for _, index := range sortedKeys(journal.records) {
		s.Records = append(s.Records, journal.records[index])
	}
	return s, nil
}

// Prediction reads what was predicted for a record. Where predictions were not
// kept, the error wraps [fs.ErrNotExist].
func (s *Stored) Prediction(r Record) (postprocess.Segmentation, error) {
	folder := predictions.Folder{Dir: s.dir, Task: s.Config.Task, Classes: s.Classes}
	entry, err := s.entry(r)
	if err != nil {
		return postprocess.Segmentation{}, fmt.Errorf("eval: prediction for %s: %w", r.Name, err)
	}
	found, err := folder.Read(data.ImageInfo{ImageID: r.ImageID, Name: r.Name, W: r.W, H: r.H}, entry)
	if err != nil {
		return found, fmt.Errorf("eval: %w", err)
	}
	return found, nil
}

// entry is a record's part of the saved predictions, nil if there is none.
func (s *Stored) entry(r Record) (json.RawMessage, error) {
	if s.Config.Task == Semantic {
		return nil, nil
	}
	file, err := os.Open(filepath.Join(s.dir, journalName))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readPrediction(file, s.journal.places[r.Index])
}

// DropPredictions removes the predictions that [Evaluate] saved in dir, if any.
// Records, and with them all figures, stay. An evaluation that is not finished is
// left as it is.
func DropPredictions(dir string) error {
	if err := dropPredictions(dir); err != nil {
		return fmt.Errorf("eval: drop predictions: %w", err)
	}
	return nil
}

func dropPredictions(dir string) error {
	var kept []string
	for _, name := range predictions.Names {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			kept = append(kept, filepath.Join(dir, name))
		}
	}
	if len(kept) == 0 {
		return nil
	}
	path := filepath.Join(dir, journalName)
	var first []byte
	journal, finished, err := scanJournal(path, func(line []byte) bool { first = line; return true })
	if err != nil || !finished {
		return err
	}
	text := slices.Clone(first)
	for _, index := range sortedKeys(journal.records) {
		line, err := json.Marshal(journal.records[index])
		if err != nil {
			return err
		}
		text = append(append(text, line...), '\n')
	}
	if err := atomicfile.WriteBytes(path, append(text, complete...)); err != nil {
		return err
	}
	for _, file := range kept {
		if err := os.RemoveAll(file); err != nil {
			return err
		}
	}
	return nil
}
