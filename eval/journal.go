package eval

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"

	"eomt/data"
)

// journalName is the journal's file in the folder of saved predictions.
const journalName = "images.jsonl"

// journal holds the records of finished images and writes each as a line of JSON to
// its file, if any. The first line identifies the evaluation, and the line [complete]
// marks the end.
type journal struct {
	records map[int]Record // by index, without predictions
	file    *os.File
	places  map[int]place // of records in the file
	size    int64
}

// place is where a line is in the file.
type place struct{ offset, length int64 }

// header is a journal's first line.
type header struct {
	Evaluation       Config       `json:"evaluation"`
	Images           int          `json:"images"`
	SavesPredictions bool         `json:"saves_predictions"`
	Classes          []data.Class `json:"classes"`
}

var complete = []byte(`{"complete":true}` + "\n")

// sortedKeys are the indices of records.
func sortedKeys(records map[int]Record) []int { return slices.Sorted(maps.Keys(records)) }

func newJournal() *journal { return &journal{records: map[int]Record{}, places: map[int]place{}} }

// openJournal resumes c's journal if it is an unfinished one of the same
// evaluation; otherwise it starts from scratch.
func openJournal(c Config, total int, classes []data.Class) (*journal, error) {
	j := newJournal()
	if c.Journal == "" {
		return j, nil
	}
	header, err := json.Marshal(header{c, total, c.Save != "", classes})
	if err != nil {
		return nil, fmt.Errorf("eval: journal: %w", err)
	}
	header = append(header, '\n')
	left, finished, err := scanJournal(c.Journal, func(line []byte) bool { return bytes.Equal(line, header) || sameHeader(line, header) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("eval: journal: %w", err)
	}
	if err == nil && !finished {
		j = left
	}
	if j.file, err = os.OpenFile(c.Journal, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, fmt.Errorf("eval: journal: %w", err)
	}
	if err := j.file.Truncate(j.size); err != nil {
		return nil, errors.Join(fmt.Errorf("eval: journal: %w", err), j.file.Close())
	}
	if j.size == 0 {
		if err := j.write(header); err != nil {
			return nil, errors.Join(err, j.file.Close())
		}
	}
	return j, nil
}

// sameHeader reports whether a header written with the key spellings of an earlier
// version is equal to the current one.
func sameHeader(line, current []byte) bool {
	var h header
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&h) != nil {
		return false
	}
	text, err := json.Marshal(h)
	return err == nil && bytes.Equal(append(text, '\n'), current)
}

// scanJournal reads the complete records of a file, up to a truncated line; none if
// wanted rejects its first line.
func scanJournal(path string, wanted func(header []byte) bool) (j *journal, finished bool, err error) {
	j = newJournal()
	file, err := os.Open(path)
	if err != nil {
		return j, false, err
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, 1<<20)
	line, err := reader.ReadBytes('\n')
	if err != nil && err != io.EOF {
		return j, false, err
	}
	if !wanted(line) {
		return j, false, nil
	}
	j.size = int64(len(line))
	for {
		line, err := reader.ReadBytes('\n')
		if err == io.EOF {
			return j, false, nil
		}
		if err != nil {
			return j, false, err
		}
		if bytes.Equal(line, complete) {
			return j, true, nil
		}
		var r Record
		if json.Unmarshal(line, &r) != nil {
			return j, false, nil
		}
		j.keep(r, int64(len(line)))
	}
}

// keep adds the record of the line that begins at the file's end.
func (j *journal) keep(r Record, length int64) {
	r.Prediction = nil
	j.records[r.Index] = r
	j.places[r.Index] = place{j.size, length}
	j.size += length
}

func (j *journal) done(index int) bool {
	_, done := j.records[index]
	return done
}

// add adds a record and writes it.
func (j *journal) add(r Record) error {
	if j.file == nil {
		j.keep(r, 0)
		return nil
	}
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("eval: journal: %w", err)
	}
	line = append(line, '\n')
	before := j.size
	if err := j.write(line); err != nil {
		return err
	}
	j.size = before
	j.keep(r, int64(len(line)))
	return nil
}

func (j *journal) write(line []byte) error {
	if _, err := j.file.WriteAt(line, j.size); err != nil {
		return fmt.Errorf("eval: journal: %w", err)
	}
	j.size += int64(len(line))
	return nil
}

// prediction reads a record's prediction back.
func (j *journal) prediction(index int) (json.RawMessage, error) {
	return readPrediction(j.file, j.places[index])
}

func readPrediction(journal io.ReaderAt, at place) (json.RawMessage, error) {
	line := make([]byte, at.length)
	if _, err := journal.ReadAt(line, at.offset); err != nil {
		return nil, fmt.Errorf("eval: journal: %w", err)
	}
	var r Record
	if err := json.Unmarshal(line, &r); err != nil {
		return nil, fmt.Errorf("eval: journal: %w", err)
	}
	return r.Prediction, nil
}

// finish marks the journal as complete.
func (j *journal) finish() error {
	if j.file == nil {
		return nil
	}
	return j.write(complete)
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}
