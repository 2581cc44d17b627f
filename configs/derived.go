package configs

import (
	"cmp"
	"fmt"
	"io"
	"os"

	"gopkg.in/yaml.v3"

	"eomt/arch"
	"eomt/train"
)

// Derived is what follows from a configuration, its data set and its network.
type Derived struct {
	Images        int         `yaml:"images"` // of the training split
	Classes       int         `yaml:"classes"`
	StepsPerEpoch int         `yaml:"steps_per_epoch"`
	Steps         int         `yaml:"steps"` // of the run
	Annealing     train.Spans `yaml:"annealing,omitempty"`
	Accumulate    int         `yaml:"accumulate,omitempty"` // by train.fit; 0 without it
	Remat         string      `yaml:"remat,omitempty"`      // by train.fit or train.remat=auto, where none does not fit
}

// Resolved is a configuration with what follows from it. As a file, a run's
// config.yaml, it holds the written keys over the defaults and a section of derived
// values, which [Read] does not read: overrides act on it as on the original.
type Resolved struct {
	Config  `yaml:",inline"`
	Derived Derived `yaml:"derived"`
}

// Shares are how many equal shares a step splits its batch into.
func (r Resolved) Shares() int { return max(r.Derived.Accumulate, r.Train.Accumulate, 1) }

// RematAuto is the train.remat of which a start derives none or blocks.
const RematAuto = "auto"

// Remat is what the backward pass computes again: none or blocks.
func (r Resolved) Remat() string {
	if r.Derived.Remat == "" && r.Train.Remat == RematAuto {
		return "none"
	}
	return cmp.Or(r.Derived.Remat, r.Train.Remat)
}

// Resolve derives what follows from the data set's counts and the number of blocks
// whose masks are annealed. It fails if stated annealing does not fit the network.
func (c Config) Resolve(images, classes, annealed int) (Resolved, error) {
	d := Derived{Images: images, Classes: classes, StepsPerEpoch: c.StepsPerEpoch(images)}
	d.Steps = c.Train.Schedule.Steps(d.StepsPerEpoch)
	var err error
	if d.Annealing, err = c.Train.Schedule.Annealing.Derive(d.Steps, annealed); err != nil {
		return Resolved{}, &FieldError{Source: c.Name, Field: "train.annealing", Reason: err.Error()}
	}
	return Resolved{Config: c, Derived: d}, nil
}

// ReadResolved reads the config.yaml of a run with the derived values as they were
// when the run last started.
func ReadResolved(path string) (Resolved, error) {
	c, err := Read(path)
	if err != nil {
		return Resolved{}, err
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return Resolved{}, fmt.Errorf("configs: %w", err)
	}
	var file struct {
		Derived Derived
		// Runs before the section derived was there have its values here.
		Data  struct{ Images, Classes int }
		Train struct {
			TotalSteps int `yaml:"total_steps"`
			Annealing  train.Spans
		}
	}
	if err := yaml.Unmarshal(raw, &file); err != nil {
		return Resolved{}, fmt.Errorf("configs: %s: %w", path, err)
	}
	d := file.Derived
	if d.Steps == 0 {
		d = Derived{Images: file.Data.Images, Classes: file.Data.Classes, Steps: file.Train.TotalSteps,
			StepsPerEpoch: c.StepsPerEpoch(file.Data.Images), Annealing: file.Train.Annealing}
	}
	return Resolved{Config: c, Derived: d}, nil
}

// Write gives the written keys as a file that [Read] takes.
func (c Config) Write(w io.Writer) error { return write(w, c) }

// Write gives the resolved configuration as a file that [Read] takes.
func (r Resolved) Write(w io.Writer) error {
	if err := write(w, r.Config); err != nil {
		return err
	}
	if _, err := io.WriteString(w, "# Recomputed from the keys above at every start; not read.\n"); err != nil {
		return fmt.Errorf("configs: %w", err)
	}
	return write(w, struct{ Derived Derived }{r.Derived})
}

func write(w io.Writer, value any) error {
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("configs: %w", err)
	}
	return encoder.Close()
}

// inlineMarks are keys that a run's config.yaml always had at the time when derived
// values stood among the written ones.
var inlineMarks = []string{"name", "seed", "weights", "data.images", "data.classes", "data.workers", "data.color_jitter",
	"train.total_steps", "train.log_every", "train.keep", "eval.top_k"}

// holdsInlineDerived reports whether document, which states the keys of sources, is such a file.
func holdsInlineDerived(document *yaml.Node, sources map[string]string) bool {
	for i := 0; i < len(document.Content); i += 2 {
		if section := document.Content[i].Value; section == derivedKey || section == "loss" {
			return false
		}
	}
	for _, key := range inlineMarks {
		if _, stated := sources[key]; !stated {
			return false
		}
	}
	return true
}

// dropDerived takes derived values and keys without effect out of such a
// configuration. What was stated and differs from what would be derived stays.
func (c *Config) dropDerived() {
	t := &c.Train.Schedule
	if a := &t.Annealing; len(a.Start) > 0 && !a.Off {
		written := train.Spans{First: a.First}
		if derived, err := written.Derive(t.TotalSteps, len(a.Start)); err == nil && derived.Equal(*a) {
			*a = written
		} else {
			a.First = nil
		}
	}
	if t.Epochs > 0 {
		steps := t.TotalSteps
		t.TotalSteps = 0
		if t.Steps(c.StepsPerEpoch(c.Data.Images)) != steps {
			t.Epochs, t.TotalSteps = 0, steps
		}
	}
	if c.Model.Size != arch.SizeCustom {
		c.Model.Registers = nil // it had no effect then
	}
	var unused []string
	c.withoutEffect(func(name, _ string) { unused = append(unused, name) })
	for _, name := range unused {
		c.reset(name)
	}
}
