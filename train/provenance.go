package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"eomt/internal/atomicfile"
	"eomt/internal/hardware"
)

// Provenance is provenance.json in a run folder. The facts of the first start are at
// its top level, those of later starts in Resumes.
type Provenance struct {
	Start
	Seed       uint64         `json:"seed"`
	Data       map[string]int `json:"data"` // images of each split used
	Parameters int            `json:"parameters"`
	Resumes    []Start        `json:"resumes,omitempty"`
}

// Start is one start of a run: time, command, source and machine.
type Start struct {
	Step     int               `json:"step,omitempty"` // finished steps; 0 at the first start
	Started  time.Time         `json:"started,omitzero"`
	Command  []string          `json:"command"` // with every -set
	Commit   string            `json:"commit"`  // of this project's source, or "unknown"
	Dirty    bool              `json:"dirty"`   // the source had uncommitted changes
	Go       string            `json:"go"`
	Platform string            `json:"platform"`
	Modules  map[string]string `json:"modules"`
	Backend  string            `json:"backend"`
	Devices  []string          `json:"devices"`         // in use, of this process
	Hosts    []string          `json:"hosts,omitempty"` // the processes of a run on several hosts, a line each
	Machine  hardware.Machine  `json:"machine,omitzero"`
}

// ThisStart describes the start of this process after a number of finished steps.
func ThisStart(step int, backend string, devices []string) Start {
	s := Start{Step: step, Started: time.Now().UTC().Truncate(time.Second), Command: os.Args,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Modules: map[string]string{}, Backend: backend, Devices: devices, Machine: hardware.Host()}
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, m := range info.Deps {
			s.Modules[m.Path] = m.Version
		}
	}
	s.Commit, s.Dirty = sourceCommit(info, sourceFile())
	return s
}

// Starts are all starts of the run in order.
func (p *Provenance) Starts() []Start { return append([]Start{p.Start}, p.Resumes...) }

const provenanceFile = "provenance.json"

// ReadProvenance reads provenance.json of a run folder. Files of earlier versions hold
// only the steps of later starts. If the file is missing, the error wraps
// [fs.ErrNotExist].
func ReadProvenance(dir string) (*Provenance, error) {
	path := filepath.Join(dir, provenanceFile)
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("train: provenance: %w", err)
	}
	var p struct {
		Provenance
		ResumedAt []int `json:"resumed_at"`
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("train: provenance: %s: %w", path, err)
	}
	var earlier []Start
	for _, step := range p.ResumedAt {
		earlier = append(earlier, Start{Step: step})
	}
	p.Resumes = append(earlier, p.Resumes...)
	return &p.Provenance, nil
}

// Write writes provenance.json into the run folder. A start that resumes a run is
// appended to the existing file; if that cannot be read, p replaces it.
func (p Provenance) Write(dir string) error {
	if p.Step > 0 {
		first, err := ReadProvenance(dir)
		switch {
		case err == nil:
			first.Resumes = append(first.Resumes, p.Start)
			p = *first
		case !errors.Is(err, fs.ErrNotExist) && !isSyntax(err):
			return err
		}
	}
	raw, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("train: provenance: %w", err)
	}
	if err := atomicfile.WriteBytes(filepath.Join(dir, provenanceFile), append(raw, '\n')); err != nil {
		return fmt.Errorf("train: provenance: %w", err)
	}
	return nil
}

// isSyntax reports whether a file was read but is not a provenance.
func isSyntax(err error) bool {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	return errors.As(err, &syntax) || errors.As(err, &kind)
}
