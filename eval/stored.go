package eval

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"eomt/data"
	"eomt/data/decode"
	"eomt/data/rle"
	"eomt/eval/postprocess"
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

// ErrIncomplete is an evaluation that was interrupted.
var ErrIncomplete = errors.New("interrupted before its last image")

// ReadStored reads what [Evaluate] left in dir, its [Config].Save. An evaluation
// that is not finished is [ErrIncomplete]; where there is none, the error wraps
// [fs.ErrNotExist].
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
func (s *Stored) Prediction(r Record) (Prediction, error) {
	p := Prediction{Info: data.ImageInfo{ImageID: r.ImageID, Name: r.Name, W: r.W, H: r.H}}
	if err := s.predict(r, &p); err != nil {
		return p, fmt.Errorf("eval: prediction for %s: %w", r.Name, err)
	}
	return p, nil
}

func (s *Stored) predict(r Record, p *Prediction) error {
	if s.Config.Task == Semantic {
		return s.labels(r, p)
	}
	file, err := os.Open(filepath.Join(s.dir, journalName))
	if err != nil {
		return err
	}
	defer file.Close()
	raw, err := readPrediction(file, s.journal.places[r.Index])
	if err != nil {
		return err
	}
	if raw == nil {
		return os.ErrNotExist
	}
	if s.Config.Task == Instance {
		return s.detections(raw, p)
	}
	return s.segments(raw, p)
}

func (s *Stored) labels(r Record, p *Prediction) error {
	path := filepath.Join(s.dir, labelDir, mapName(r.Name))
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	l := &postprocess.Labels{}
	if l.Pix, l.W, l.H, err = decode.Labels(raw, path); err != nil {
		return err
	}
	for i, id := range l.Pix {
		class, err := s.class(int(id))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		l.Pix[i] = uint16(class)
	}
	p.Semantic = l
	return nil
}

func (s *Stored) segments(raw json.RawMessage, p *Prediction) error {
	var a panopticAnnotation
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	path := filepath.Join(s.dir, panopticDir, filepath.FromSlash(a.File))
	png, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	m := &postprocess.PanopticMap{}
	if m.IDs, m.W, m.H, err = decode.IDs(png, path); err != nil {
		return err
	}
	for _, segment := range a.Segments {
		class, err := s.class(segment.Category)
		if err != nil {
			return err
		}
		m.Segments = append(m.Segments, postprocess.Segment{ID: segment.ID, Class: class, Score: segment.Score, Area: segment.Area})
	}
	p.Panoptic = m
	return nil
}

func (s *Stored) detections(raw json.RawMessage, p *Prediction) error {
	var list []detection
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	p.Instances = []postprocess.Detection{}
	for _, d := range list {
		class, err := s.class(d.Category)
		if err != nil {
			return err
		}
		mask, err := rle.FromString(d.Segmentation.Counts, d.Segmentation.Size[0], d.Segmentation.Size[1])
		if err != nil {
			return err
		}
		p.Instances = append(p.Instances, postprocess.Detection{Class: class, Score: d.Score, Mask: mask})
	}
	return nil
}

// class is the index of a category.
func (s *Stored) class(id int) (int, error) {
	i := slices.IndexFunc(s.Classes, func(c data.Class) bool { return c.ID == id })
	if i < 0 {
		return 0, fmt.Errorf("unknown category %d", id)
	}
	return i, nil
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
	for _, name := range []string{panopticDir, labelDir, panopticJSON, instanceJSON} {
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
