package experiment

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"eomt/internal/atomicfile"
	"eomt/train"
)

// A run on several hosts has one process on each, launched together (package mpi). All
// do the same: they open the data, read the checkpoint, train, validate. Process 0
// writes into the run folder; the others write into a folder of their own that is
// removed at the end, and no checkpoints.

// rank is the number of this process.
func (r *Run) rank() int {
	if r.options.Hosts == nil {
		return 0
	}
	return r.options.Hosts.Rank()
}

// hosts is the number of processes.
func (r *Run) hosts() int {
	if r.options.Hosts == nil {
		return 1
	}
	return r.options.Hosts.Size()
}

// quieten leaves notes, results and progress to process 0.
func (o *Options) quieten() {
	if o.Hosts != nil && o.Hosts.Rank() > 0 {
		o.Notes, o.Results, o.Watch = io.Discard, io.Discard, nil
	}
}

// inTurn has process 0 do something before the others, such as generating files.
func (r *Run) inTurn(do func() error) error {
	if r.rank() == 0 {
		if err := do(); err != nil {
			return err
		}
	}
	if r.options.Hosts == nil {
		return nil
	}
	if _, err := r.options.Hosts.Gather(nil); err != nil || r.rank() == 0 {
		return err
	}
	return do()
}

// asFirst is what process 0 says: the others do not have all files of the run folder.
func (r *Run) asFirst(mine bool) (bool, error) {
	if r.options.Hosts == nil {
		return mine, nil
	}
	all, err := r.options.Hosts.Gather(fmt.Append(nil, mine))
	if err != nil {
		return false, err
	}
	return string(all[0]) == "true", nil
}

// presence is how a process describes itself to the others.
type presence struct {
	Host    string
	PID     int
	Devices []string
	// What all must have in common.
	Program, Training, Validation, Configuration, Weights string
	Step                                                  int
}

// assemble compares what the processes start from, and says which they are.
func (r *Run) assemble() error {
	if r.options.Hosts == nil {
		return nil
	}
	mine, err := r.presence()
	if err != nil {
		return err
	}
	raw, err := json.Marshal(mine)
	if err != nil {
		return fmt.Errorf("hosts: %w", err)
	}
	texts, err := r.options.Hosts.Gather(raw)
	if err != nil {
		return err
	}
	all := make([]presence, len(texts))
	for rank, text := range texts {
		if err := json.Unmarshal(text, &all[rank]); err != nil {
			return fmt.Errorf("hosts: what rank %d sent: %w", rank, err)
		}
	}
	for rank, p := range all {
		line := fmt.Sprintf("rank %d of %d: host %s, process %d, %s", rank, len(all), p.Host, p.PID, strings.Join(p.Devices, ", "))
		r.note(line)
		r.topology = append(r.topology, line)
	}
	return differing(all)
}

// differing is an error if a process starts from something else than process 0.
func differing(all []presence) error {
	for rank, p := range all {
		first := all[0]
		for _, one := range []struct{ what, mine, want, advice string }{
			{"program", p.Program, first.Program, "install the same build on all hosts"},
			{"set of training images", p.Training, first.Training, "all hosts must see the same data set (data.root)"},
			{"set of validation images", p.Validation, first.Validation, "all hosts must see the same data set (data.root)"},
			{"configuration", p.Configuration, first.Configuration, "start all ranks with the same -config and -set"},
			{"step", fmt.Sprint(p.Step), fmt.Sprint(first.Step), "all hosts must see the same run folder (-out)"},
			{"weights", p.Weights, first.Weights, "all hosts must see the same weights and run folder"},
		} {
			if one.mine != one.want {
				return fmt.Errorf("hosts: rank %d (%s) has another %s than rank 0 (%s): %s", rank, p.Host, one.what, first.Host, one.advice)
			}
		}
	}
	return nil
}

// presence describes this process.
func (r *Run) presence() (p presence, err error) {
	p = presence{PID: os.Getpid(), Devices: r.deviceNames(), Configuration: r.saved.ConfigHash, Step: r.State.Step,
		Training: fingerprint(r.train), Validation: fingerprint(r.val)}
	if p.Host, err = os.Hostname(); err != nil {
		p.Host = "without a name"
	}
	if p.Weights, err = identity(r.State.Values(), nil); err != nil {
		return p, err
	}
	path, err := os.Executable()
	if err != nil {
		return p, fmt.Errorf("hosts: %w", err)
	}
	file, err := os.Open(path)
	if err != nil {
		return p, fmt.Errorf("hosts: %w", err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return p, fmt.Errorf("hosts: %w", err)
	}
	p.Program = fmt.Sprintf("%x", sum.Sum(nil))
	return p, nil
}

// moveAside gives a process that is not to write into the run folder one of its own,
// with what the run reads again of it.
func (r *Run) moveAside() error {
	if r.rank() == 0 {
		return nil
	}
	aside, err := os.MkdirTemp("", "eomt-rank")
	if err != nil {
		return fmt.Errorf("hosts: folder of rank %d: %w", r.rank(), err)
	}
	r.aside = aside
	raw, err := os.ReadFile(filepath.Join(r.options.Dir, train.ValidationsFile))
	if err == nil {
		err = atomicfile.WriteBytes(filepath.Join(aside, train.ValidationsFile), raw)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("hosts: folder of rank %d: %w", r.rank(), err)
	}
	r.options.Dir = aside
	return nil
}
