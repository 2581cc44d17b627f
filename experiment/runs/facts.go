package runs

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"eomt/eval/report/page"
)

// facts are the run's provenance and what its configuration says at a glance.
func (r *Run) facts() []page.Field {
	list := []page.Field{{Name: "run folder", Value: r.Path}}
	add := func(name, value string) {
		if value != "" {
			list = append(list, page.Field{Name: name, Value: value})
		}
	}
	if p := r.Provenance; p != nil {
		add("started", p.Started.Format(time.RFC3339))
		commit := p.Commit
		if p.Dirty {
			commit += ", with changes that are not committed"
		}
		add("commit", commit)
		add("Go", strings.TrimSpace(p.Go+" "+p.Platform))
		for _, module := range []string{"github.com/gomlx/gomlx", "github.com/gomlx/compute", "github.com/gomlx/go-xla"} {
			if v := p.Modules[module]; v != "" {
				add(path.Base(module), v)
			}
		}
		add("backend", strings.TrimSpace(p.Backend+" "+devices(p.Devices)))
		add("machine", p.Machine.String())
		add("seed", fmt.Sprint(p.Seed))
		for _, split := range slices.Sorted(maps.Keys(p.Data)) {
			add("images, "+split, fmt.Sprint(p.Data[split]))
		}
		add("parameters", fmt.Sprint(p.Parameters))
		var resumed []string
		for _, s := range p.Resumes {
			resumed = append(resumed, fmt.Sprint(s.Step))
		}
		add("resumed after steps", strings.Join(resumed, " "))
	}
	if c := r.Config; c != nil {
		add("model", strings.TrimSpace(fmt.Sprintf("%s %s, %d x %d px, %d queries", c.Model.Backbone, c.Model.Size, c.Model.Image[1], c.Model.Image[0], c.Model.Queries)))
		add("weights at start", c.Weights)
		add("decoders at start", c.DecoderWeights)
		add("steps", fmt.Sprint(c.Derived.Steps))
		add("batch", fmt.Sprint(c.Data.Loader.Batch))
		add("learning rate", fmt.Sprint(c.Train.Optimizer.LearningRate))
	}
	add("evaluation", short(r.Evaluation.Config.Identity))
	return list
}

// short is the beginning of a hash.
func short(hash string) string { return hash[:min(len(hash), 16)] }
