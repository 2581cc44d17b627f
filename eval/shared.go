package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"eomt/internal/atomicfile"
)

// Shared are processes that evaluate one data set together: each predicts and scores
// its images, and all get the whole result. All must call [Evaluate] with the same
// configuration, apart from where Save and Journal lie.
type Shared interface {
	Rank() int // of this process, from 0
	Size() int
	// Gather returns what each process gives, by rank. All wait for all.
	Gather(mine []byte) ([][]byte, error)
}

// ErrStopped marks an evaluation that ended because another of its processes was
// stopped.
var ErrStopped = errors.New("stopped in another process")

// contribution is what a process hands to the others.
type contribution struct {
	Records []Record          // with predictions, where they are saved
	Files   map[string][]byte // saved predictions, by path in the folder Save
	Stopped bool              // this process was asked to stop
	Error   string            // why there is nothing
}

// share are the pending images that this process evaluates: those that no process's
// journal has, dealt out in turn.
func (e *evaluation) share() ([]int, error) {
	if e.Shared == nil {
		return e.pending(), nil
	}
	all, err := e.gather(contribution{Records: e.indices()})
	if err != nil {
		return nil, err
	}
	done := map[int]bool{}
	for _, c := range all {
		for _, r := range c.Records {
			done[r.Index] = true
		}
	}
	var mine []int
	turn := 0
	for i := range e.total {
		if done[i] {
			continue
		}
		if turn%e.Shared.Size() == e.Shared.Rank() {
			mine = append(mine, i)
		}
		turn++
	}
	return mine, nil
}

// indices are records of the journal's images without anything else.
func (e *evaluation) indices() (list []Record) {
	for _, i := range sortedKeys(e.journal.records) {
		list = append(list, Record{Index: i})
	}
	return list
}

// exchange gives the other processes what this one has, and adds what they have to
// its journal. failure is why this one has nothing.
func (e *evaluation) exchange(ctx context.Context, failure error) error {
	if e.Shared == nil {
		return failure
	}
	var mine contribution
	if failure == nil {
		mine, failure = e.contribution()
	}
	if failure != nil {
		mine = contribution{Error: failure.Error(), Stopped: ctx.Err() != nil}
	}
	all, err := e.gather(mine)
	if failure != nil || err != nil {
		return errors.Join(failure, err)
	}
	for rank, c := range all {
		switch {
		case c.Stopped:
			return fmt.Errorf("eval: rank %d: %w", rank, ErrStopped)
		case c.Error != "":
			return fmt.Errorf("eval: rank %d: %s", rank, c.Error)
		}
	}
	for _, c := range all {
		if err := e.receive(c); err != nil {
			return err
		}
	}
	return nil
}

// contribution is what this process has evaluated.
func (e *evaluation) contribution() (contribution, error) {
	c := contribution{Files: map[string][]byte{}}
	for _, i := range sortedKeys(e.journal.records) {
		r := e.journal.records[i]
		if e.Save != "" {
			var err error
			if r.Prediction, err = e.journal.prediction(i); err != nil {
				return c, err
			}
			name := e.folder.File(r.Name)
			if name != "" {
				if c.Files[name], err = os.ReadFile(filepath.Join(e.Save, name)); err != nil {
					return c, fmt.Errorf("eval: saved prediction: %w", err)
				}
			}
		}
		c.Records = append(c.Records, r)
	}
	return c, nil
}

// receive adds another process's images.
func (e *evaluation) receive(c contribution) error {
	for _, r := range c.Records {
		if e.journal.done(r.Index) {
			continue
		}
		if err := e.journal.add(r); err != nil {
			return err
		}
		name := e.folder.File(r.Name)
		if e.Save == "" || name == "" {
			continue
		}
		path := filepath.Join(e.Save, name)
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		err := os.MkdirAll(filepath.Dir(path), 0o777)
		if err == nil {
			err = atomicfile.WriteBytes(path, c.Files[name])
		}
		if err != nil {
			return fmt.Errorf("eval: saved prediction: %w", err)
		}
	}
	return nil
}

// gather exchanges contributions.
func (e *evaluation) gather(mine contribution) ([]contribution, error) {
	raw, err := json.Marshal(mine)
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	texts, err := e.Shared.Gather(raw)
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	all := make([]contribution, len(texts))
	for i, text := range texts {
		if err := json.Unmarshal(text, &all[i]); err != nil {
			return nil, fmt.Errorf("eval: what rank %d sent: %w", i, err)
		}
	}
	return all, nil
}
