package train

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"eomt/internal/atomicfile"
)

// Provenance is what a run was made of, written once as provenance.json.
type Provenance struct {
	Started    time.Time         `json:"started"`
	Command    []string          `json:"command"`
	Commit     string            `json:"commit"` // empty outside a git checkout
	Dirty      bool              `json:"dirty"`
	Go         string            `json:"go"`
	Platform   string            `json:"platform"`
	Modules    map[string]string `json:"modules"`
	Backend    string            `json:"backend"`
	Devices    []string          `json:"devices"`
	Seed       uint64            `json:"seed"`
	Data       map[string]int    `json:"data"` // images of each split used
	Parameters int               `json:"parameters"`
	ResumedAt  []int             `json:"resumed_at,omitempty"`
}

// Describe fills in what the process itself knows. `go run` does not stamp the
// commit, so git is asked.
func (p *Provenance) Describe() {
	p.Started, p.Command = time.Now().UTC().Truncate(time.Second), os.Args
	p.Go, p.Platform = runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH
	p.Modules = map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			p.Modules[m.Path] = m.Version
		}
	}
	if out, err := exec.Command("git", "rev-parse", "HEAD").Output(); err == nil {
		p.Commit = strings.TrimSpace(string(out))
		status, err := exec.Command("git", "status", "--porcelain").Output()
		p.Dirty = err != nil || len(status) > 0
	}
}

const provenanceFile = "provenance.json"

// Write puts provenance.json into the run folder; a resumed run keeps the first
// start's facts, where they can be read, and adds the step it went on from.
func (p *Provenance) Write(dir string, resumedAt int) error {
	path := filepath.Join(dir, provenanceFile)
	if resumedAt > 0 {
		var first Provenance
		if raw, err := os.ReadFile(path); err == nil && json.Unmarshal(raw, &first) == nil {
			*p = first
		}
		p.ResumedAt = append(p.ResumedAt, resumedAt)
	}
	raw, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("train: provenance: %w", err)
	}
	if err := atomicfile.WriteBytes(path, append(raw, '\n')); err != nil {
		return fmt.Errorf("train: provenance: %w", err)
	}
	return nil
}
